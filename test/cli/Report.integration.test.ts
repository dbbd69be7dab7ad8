/** `fliqs report`, and the page that it writes in a headless Chromium; the browser tests are left out without one. */
import { existsSync, readFileSync, statSync } from "node:fs"
import { delimiter, join } from "node:path"
import { pathToFileURL } from "node:url"
import { type Browser, chromium, type Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { experiment, fliqs, json, makeFolder, space } from "./fliqs.ts"

const hostile = `</script><img src=x onerror="document.title='run'"> & 'quotes'`
const { folder, remove } = makeFolder({
  "space.yaml": space,
  "experiment.yaml": `${experiment.replace("steps: 300", "steps: 40")}description: ${JSON.stringify(hostile)}\n`,
})
const at = { cwd: folder }
const file = join(folder, "report.html")
const minutes = (count: number): number => 60_000 * count

const programs = ["chromium", "chromium-browser", "google-chrome"]
const program = (process.env["PATH"] ?? "")
  .split(delimiter)
  .flatMap((place) => programs.map((name) => join(place, name)))
  .find((path) => existsSync(path))
if (program === undefined) console.warn("left out, since no Chromium is in PATH: the browser")

const report = async () => {
  const answer = await fliqs(["report", "experiment.yaml", "--out", "report.html", "--json"], at)
  if (answer.code !== 0) throw new Error(answer.stderr)
  return json<{ readonly page: string; readonly bytes: number; readonly trials: number }>(answer)
}

interface Listed {
  readonly id: string
  readonly metrics: Readonly<Record<string, number>>
}
let trials: ReadonlyArray<Listed>
/** The page before the grid began. */
let before = ""

beforeAll(async () => {
  await report()
  before = readFileSync(file, "utf8")
  const run = await fliqs(["run", "experiment.yaml"], at)
  if (run.code !== 0) throw new Error(run.stderr)
  trials = json<ReadonlyArray<Listed>>(await fliqs(["list", "--json"], at))
}, minutes(4))
afterAll(remove)

it(
  "is one file that names no address, and runs no script but its own",
  async () => {
    expect(before).toMatch(/has not ended:\s+0\s+of\s+4\s+trials/)
    const said = await report()
    expect(said).toEqual({ page: "report.html", bytes: statSync(file).size, trials: 4 })
    expect(said.bytes).toBeLessThan(2e6)
    const text = readFileSync(file, "utf8")
    const [policy] = /(?<=Content-Security-Policy"\s+content=")[^"]*/.exec(text)!
    expect(policy).toContain("default-src &#39;none&#39;")
    expect(policy).not.toMatch(/https?:|unsafe-eval|script-src[^;]*unsafe/)
    expect(text).not.toMatch(/<(script|link|img)[^>]* (src|href)=/)
    expect(text).toMatch(/4\s+of\s+4\s+trials have finished/)
  },
  minutes(1),
)

describe.skipIf(program === undefined)("in a browser", () => {
  let browser: Browser
  const complaints: Array<string> = []

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: program!,
      args: ["--no-sandbox", "--disable-quic", "--disable-background-networking"],
    })
  }, minutes(1))
  afterAll(() => browser.close())

  /** The page in a profile of its own; what it complains of, and what it asks of elsewhere, is kept. */
  const open = async (fragment = "", colorScheme: "light" | "dark" = "light"): Promise<Page> => {
    complaints.length = 0
    const page = await (await browser.newContext({ colorScheme })).newPage()
    page.on("console", (message) => complaints.push(message.text()))
    page.on("pageerror", ({ message }) => complaints.push(message))
    page.on("request", (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith("file:"))
        complaints.push(request.url())
    })
    await page.goto(`${pathToFileURL(file).href}${fragment}`)
    await page.locator("html[data-ready=true]").waitFor()
    return page
  }
  const accuracies = (page: Page) =>
    page.locator("#trials tbody tr:not([hidden]) td:nth-child(5)").allTextContents()

  it(
    "draws its pictures, in the colours of the reader, and shows hostile names as text",
    async () => {
      const page = await open("", "dark")
      expect(await page.title()).toBe("tiny")
      expect(await page.locator("header").textContent()).toContain(hostile)
      for (const picture of await page.locator(".picture").all()) {
        await picture.scrollIntoViewIfNeeded()
        await picture.locator("svg, canvas").first().waitFor()
      }
      expect(await page.locator(".picture[data-drawn=dark]").count()).toBe(7)
      expect(await page.getByRole("img", { name: /^accuracy \(%\) against cost/ }).count()).toBe(1)
      await page.locator("#picture-front .mark-symbol.role-mark path").last().hover({ force: true })
      await page.locator("#tip td").first().waitFor()
      await page.emulateMedia({ colorScheme: "light" })
      await page.locator("#picture-front .picture[data-drawn=light]").waitFor()
      expect(complaints).toEqual([])
    },
    minutes(2),
  )

  it(
    "sorts and filters its trials by keyboard alone",
    async () => {
      const page = await open("#trials-section")
      const head = page.locator("#trials th[data-key='final/accuracy']")
      await head.getByRole("button").focus()
      await page.keyboard.press("Enter")
      expect(await head.getAttribute("aria-sort")).toBe("descending")
      const down = (await accuracies(page)).map(Number)
      expect(down).toEqual(down.toSorted((a, b) => b - a))
      await page.keyboard.press("Space")
      expect(await head.getAttribute("aria-sort")).toBe("ascending")
      expect((await accuracies(page)).map(Number)).toEqual(down.toReversed())
      await page.getByRole("searchbox").focus()
      const most = Math.max(...trials.map(({ metrics }) => metrics["final/accuracy"]!))
      await page.keyboard.type(`accuracy>=${most} finished`)
      const best = trials.filter(({ metrics }) => metrics["final/accuracy"] === most)
      expect(await page.locator("#count").textContent()).toBe(`${best.length} of 4 trials`)
      await page.getByRole("searchbox").fill("uniform")
      expect(await page.locator("#count").textContent()).toBe("2 of 4 trials")
      expect(complaints).toEqual([])
    },
    minutes(2),
  )

  it(
    "has a page for every trial, with its declaration, commands and a way back",
    async () => {
      const page = await open()
      const { id } = trials[0]!
      await page.locator(`#trials a[href="#trial-${id}"]`).focus()
      await page.keyboard.press("Enter")
      const heading = page.locator("#trial h2")
      await heading.waitFor()
      await page.locator("#trial h2:focus").waitFor()
      const yaml = readFileSync(join(folder, `.fliqs/trials/${id}/artifacts/trial.yaml`), "utf8")
      expect(await page.locator("#trial pre").last().textContent()).toBe(yaml)
      expect(await page.locator("#trial pre.command").first().textContent()).toBe(
        `./fliqs run experiment.yaml --only ${id} --restart`,
      )
      const layers = page.getByRole("table", { name: "Layers" }).getByRole("rowheader")
      expect(await layers.allTextContents()).toEqual(["stem", "body", "classifier"])
      expect(await page.locator("#overview").isVisible()).toBe(false)
      await page.goBack()
      await page.locator("#overview").waitFor()
      expect(await page.locator("#trial").isVisible()).toBe(false)
      expect(complaints).toEqual([])
    },
    minutes(2),
  )

  it(
    "prints every picture in light, and has names for all that is on it",
    async () => {
      const page = await open("", "dark")
      expect((await page.pdf()).length).toBeGreaterThan(20_000)
      expect(await page.locator(".picture[data-drawn]").count()).toBe(7)
      expect(await page.getByRole("main").count()).toBe(1)
      expect(await page.getByRole("navigation", { name: "Sections" }).count()).toBe(1)
      const unnamed = await page.locator("button, a, input, select").evaluateAll((all) =>
        all
          .filter((one) => {
            const { ariaLabel, labels, textContent } = one as unknown as {
              readonly ariaLabel: string | null
              readonly labels?: { readonly length: number }
              readonly textContent: string
            }
            return textContent.trim() === "" && !ariaLabel && !(labels && labels.length > 0)
          })
          .map(String),
      )
      expect(unnamed).toEqual([])
      expect(complaints).toEqual([])
    },
    minutes(2),
  )
})
