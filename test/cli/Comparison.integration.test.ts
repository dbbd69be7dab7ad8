/**
 * A grid of 12 trials with controls in a real MLflow, seen as a person sees it: the printed link in a fresh browser, the
 * table that Python gets, a trial opened and brought back. The browser is left out where there is none.
 */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { chromiumProgram, openPage, startChromium } from "../../scripts/chromium.ts"
import { cacheDirectory } from "../../src/disk/Installation.ts"
import * as ServerInstallation from "../../src/track/ServerInstallation.ts"
import { experiment, fliqs, json, makeFolder, space } from "./fliqs.ts"
import { hasPython, open } from "./terminal.ts"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
interface Styled {
  readonly style: { readonly fill: string }
}
const minutes = (count: number): number => 60_000 * count
const { folder, remove } = makeFolder({
  "space.yaml": space,
  "experiment.yaml": experiment
    .replace("name: tiny", "name: compared")
    .replace("steps: 300", "steps: 30")
    .replace(
      "matrix: { seed: [1, 2] }",
      "matrix: { seed: [1, 2], reward.cost.target.times: [1, 1.5], search.kind: [reinforce, evolution] }",
    )
    .replace("track: { kind: none }\n", ""),
})
const at = { cwd: folder, env: { MLFLOW_TRACKING_URI: "" } }
let link = ""
let server = ""

beforeAll(async () => {
  const run = await fliqs(["run", "experiment.yaml"], at)
  if (run.code !== 0 || /refused/.test(run.stderr)) throw new Error(run.stderr)
  link = /^MLflow {2}(\S+)$/m.exec(run.stdout.toString())?.[1] ?? ""
  server = new URL(link).origin
}, minutes(5))
afterAll(async () => {
  await fliqs(["ui", "--stop"], at)
  remove()
}, minutes(1))

const trials = async () =>
  json<ReadonlyArray<{ id: string; metrics: Record<string, number> }>>(
    await fliqs(["list", "--json"], at),
  )

it("prints a link that fits into a line of a terminal", () => {
  expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/grid\/\d+\/[0-9a-f]{16}$/)
})

if (chromiumProgram === undefined)
  console.warn("left out, since no Chromium is in PATH: the browser")
describe.skipIf(chromiumProgram === undefined)("in a fresh browser", () => {
  let browser: Browser
  let page: Page
  const errors: Array<string> = []

  beforeAll(async () => {
    browser = await startChromium()
    page = await openPage(browser, link, errors)
  }, minutes(2))
  afterAll(async () => {
    await browser.close()
  })

  it(
    "the link shows accuracy against cost by arm, and says which is best by how much",
    async () => {
      await page.locator(".scatterlayer .point").first().waitFor()
      // two targets, two searches, two uniform formats
      await expect.poll(() => page.locator(".scatterlayer .point").count()).toBe(6)
      const text = await page.locator("body").innerText()
      expect(text).toMatch(/is best at \S+ GBOPs: 0\.\d+, \+\d+\.\d points over /)
      for (const arm of ["x1 reinforce", "x1.5 evolution", "uniform INT4", "uniform INT8"])
        expect(text).toContain(arm)
      expect(text).toContain("12 matching runs")
      // the colours of the report, where MLflow's own choice may give two arms the same
      const colours = await page
        .locator(".scatterlayer .point")
        .evaluateAll((all) => all.map((one) => (one as unknown as Styled).style.fill))
      expect(new Set(colours).size).toBe(6)
      expect(colours).toContain("rgb(0, 114, 178)")
      // what takes a quarter of the page in a browser that has never been there
      expect(text).not.toContain("Ask a question")
    },
    minutes(1),
  )

  it(
    "one click leads to the formats of the layers of the best trial",
    async () => {
      // the arm that is best, in the sentence above the charts
      const opened = page.context().waitForEvent("page")
      await page.locator("strong a, b a").first().click()
      const trial = await opened
      await trial.getByText("Formats:", { exact: false }).first().waitFor()
      expect(await trial.locator("body").innerText()).toMatch(
        /Formats: (INT\d [\w, ]+)(; INT\d [\w, ]+)*/,
      )
      expect(errors).toEqual([])
    },
    minutes(1),
  )
})

it(
  "Python gets one tidy table",
  async () => {
    const python = ServerInstallation.pythonOf(cacheDirectory())
    const script = fileURLToPath(new URL("table.py", import.meta.url))
    const table = JSON.parse(
      execFileSync(python, [script, server, "compared"], { encoding: "utf8" }),
    ) as {
      all: number
      columns: ReadonlyArray<string>
      rows: ReadonlyArray<Record<string, unknown>>
    }
    // the run of the grid is a thirteenth row only when it is asked for
    expect([table.all, table.rows.length]).toEqual([13, 12])
    for (const column of [
      "tags.arm",
      "tags.cell",
      "metrics.final/accuracy",
      "metrics.final/gbops",
      "metrics.final/weight_bits",
      "metrics.final/activation_bits",
      "metrics.final/memory_bytes",
      "params.search.kind",
      "params.seed",
      "params.train.learningRate.peak",
      "tags.format.stem",
    ])
      expect(table.rows.filter((row) => row[column] === null)).toEqual([])
    // the same under another name, as it was once
    for (const column of [
      "metrics.final/cost",
      "tags.fliqs.search",
      "tags.fliqs.control",
      "tags.fliqs.git_commit",
    ])
      expect(table.columns).not.toContain(column)
    expect(new Set(table.rows.map((row) => row["tags.arm"]))).toEqual(
      new Set([
        "x1 reinforce",
        "x1 evolution",
        "x1.5 reinforce",
        "x1.5 evolution",
        "uniform INT4",
        "uniform INT8",
      ]),
    )
    expect(table.rows.map((row) => row["tags.mlflow.runName"])).toContain("s2 x1.5 reinforce")
  },
  minutes(1),
)

it(
  "`open` prints the pages of a grid and of a trial",
  async () => {
    const grid = await fliqs(["open", "experiment.yaml"], at)
    expect(grid.stdout.toString().trim()).toBe(link)
    const [trial] = await trials()
    const opened = await fliqs(["open", trial!.id.slice(0, 8), "--json"], at)
    const { link: page } = json<{ link: string }>(opened)
    expect(page).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/run\/\d+\/[0-9a-f]{32}$/)
    const run = page.split("/").at(-1)
    expect(await (await fetch(page)).text()).toContain(
      `/runs/${run}?workflowType=machine_learning"`,
    )
    const pulled = await fliqs(["pull", page, "--out", "by-address", "--json"], at)
    expect(json<{ trialId: string }>(pulled).trialId).toBe(trial!.id)
    const none = await fliqs(["open", "nothing"], at)
    expect([none.code, none.stderr]).toEqual([
      2,
      expect.stringContaining("no trial, grid or experiment"),
    ])
  },
  minutes(2),
)

it(
  "`ui` prints the server's page, and those of the grids in it",
  async () => {
    const [page, grid] = (await fliqs(["ui"], at)).stdout.toString().trim().split("\n")
    expect(page).toBe(`${server}/#/experiments?workflowType=machine_learning`)
    expect(grid).toBe(`compared  ${link}`)
    const { grids } = json<{ grids: ReadonlyArray<{ name: string; views: object }> }>(
      await fliqs(["ui", "--json"], at),
    )
    expect(grids).toMatchObject([
      { name: "compared", link, views: { accuracy: link, trials: `${link}/trials` } },
    ])
  },
  minutes(1),
)

it.skipIf(!hasPython)(
  "addresses are links of a terminal that has them, and plain where colours are not wanted",
  async () => {
    const command = [process.execPath, "--no-deprecation", main, "open", "experiment.yaml"]
    const written = async (environment: Readonly<Record<string, string>>) => {
      const terminal = open(command, {
        columns: 80,
        cwd: folder,
        environment: { ...at.env, DISPLAY: "", WAYLAND_DISPLAY: "", ...environment },
      })
      expect(await terminal.ended).toBe(0)
      return terminal.written()
    }
    expect(await written({ FORCE_HYPERLINK: "1" })).toContain(
      `\u001b]8;;${link}\u001b\\${link}\u001b]8;;\u001b\\`,
    )
    const plain = await written({ FORCE_HYPERLINK: "1", NO_COLOR: "1" })
    expect(plain).toContain(link)
    expect(plain).not.toContain("\u001b]8")
  },
  minutes(2),
)

it(
  "`pull` brings a trial back, and it plans the same trial",
  async () => {
    const [trial] = await trials()
    const pulled = json<{ sameId: boolean; files: ReadonlyArray<string> }>(
      await fliqs(["pull", trial!.id.slice(0, 10), "--out", "back", "--json"], at),
    )
    expect(pulled.sameId).toBe(true)
    expect(pulled.files.toSorted()).toEqual([
      "assignment.json",
      "experiment.yaml",
      "layers.json",
      "model.safetensors",
      "space.yaml",
      "trial.yaml",
    ])
    for (const [name, kept] of [
      ["model.safetensors", "model.safetensors"],
      ["assignment.json", "artifacts/assignment.json"],
    ] as const)
      expect(readFileSync(join(folder, "back", name))).toEqual(
        readFileSync(join(folder, ".fliqs/trials", trial!.id, kept)),
      )
    const plan = await fliqs(["plan", "back/experiment.yaml", "--json"], at)
    expect(plan.stdout.toString()).toContain(trial!.id)
    const missing = await fliqs(["pull", "0123456789abcdef"], at)
    expect([missing.code, missing.stderr]).toEqual([
      3,
      expect.stringContaining("no run of a trial"),
    ])
  },
  minutes(2),
)
