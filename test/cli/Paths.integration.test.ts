/** A project in a folder with a name that means something to URLs, shells, SQL, YAML and terminals. */
import { execFile } from "node:child_process"
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Answer, experiment, fliqs, json, makeFolder, space } from "./fliqs.ts"

const cache = process.env["FLIQS_CACHE"] || join(import.meta.dirname, "../../.cache")
const python = join(cache, "mlflow-3.18.0", "bin", "python")
const run = promisify(execFile)

const strange = `we ?ird#1 %20 %zz "q" ünï' \\n \u001b[31m;&$(id)\nand a line`
const files = {
  "space ?#%20'.yaml": space,
  "experiment ?#%20'.yaml": experiment
    .replace("space: space.yaml", `space: "space ?#%20'.yaml"`)
    .replace("steps: 300", "steps: 8")
    .replace("[1, 2]", "[1]")
    .replace(
      "track: { kind: none }\n",
      `track: { kind: mlflow, experiment: "we ?#%20' \\"q\\" ü" }\n`,
    ),
  "wrong.yaml": experiment.replace("space: space.yaml", "space: nowhere.yaml"),
}
const file = "experiment ?#%20'.yaml"

const root = mkdtempSync(join(tmpdir(), "fliqs-paths-"))
const made = makeFolder(files)
const project = join(root, strange)
const other = join(root, `${strange} 2`)
const at = { cwd: project }

/** No path has broken a line, and none has reached the terminal as a command. */
const expectWhole = ({ stdout, stderr }: Answer) => {
  const text = `${stdout.toString()}\n${stderr}`
  expect(text).not.toContain("\nand a line")
  expect(text).not.toContain("\u001b")
}

const check = async (
  url: string,
): Promise<ReadonlyArray<{ name: string; artifacts: string[] }>> => {
  const words = [join(import.meta.dirname, "../track/check.py"), url, `we ?#%20' "q" ü`]
  return JSON.parse((await run(python, words)).stdout).runs
}

beforeAll(() => {
  for (const folder of [project, other]) {
    mkdirSync(folder)
    mkdirSync(join(folder, ".fliqs"))
    cpSync(made.folder, folder, { recursive: true })
  }
})
afterAll(async () => {
  for (const cwd of [project, other]) await fliqs(["ui", "--stop"], { cwd })
  made.remove()
  rmSync(root, { recursive: true, force: true })
})

describe("a project in a folder with a strange name", () => {
  it("is run, sent to a server of its own, and all of it stays inside the folder", async () => {
    const ran = await fliqs(["run", file], at)
    expect(ran.code).toBe(0)
    expectWhole(ran)
    const link = /^MLflow {2}(\S+)$/m.exec(ran.stdout.toString())?.[1]
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/grid\/\d+\/[0-9a-f]{16}$/)
    const state = join(project, ".fliqs")
    expect(readdirSync(join(state, "mlflow"))).toEqual(
      expect.arrayContaining(["artifacts", "mlflow.db"]),
    )
    expect(readdirSync(root).sort()).toEqual([strange, `${strange} 2`].sort())
    expect(readdirSync(project).sort()).toEqual([".fliqs", ...Object.keys(files)].sort())
    const runs = await check(new URL(link!).origin)
    expect(runs).toHaveLength(3)
    expect(runs.flatMap(({ artifacts }) => artifacts)).toEqual(
      expect.arrayContaining(["experiment.yaml", "trial.yaml", "policy.svg"]),
    )
  })

  it("has a server of its own, found again and not taken for that of the folder beside it", async () => {
    const ui = await fliqs(["ui", "--json"], at)
    // MLflow itself, too, is in a folder with such a name.
    const env = { FLIQS_CACHE: join(root, strange, ".fliqs", "cache") }
    symlinkSync(cache, env.FLIQS_CACHE)
    const beside = await fliqs(["ui", "--json"], { cwd: other, env })
    const again = await fliqs(["ui", "--json"], at)
    expect(json<{ pid: number }>(again).pid).toBe(json<{ pid: number }>(ui).pid)
    expect(json<{ pid: number }>(beside).pid).not.toBe(json<{ pid: number }>(ui).pid)
    expect(existsSync(join(other, ".fliqs", "mlflow", "mlflow.db"))).toBe(true)
    const stopped = await fliqs(["ui", "--stop", "--json"], { cwd: other })
    expect(json(stopped)).toEqual({ stopped: true })
  })

  it.each([
    ["sync"],
    ["list"],
    ["plan", file],
    ["validate", file, "space ?#%20'.yaml"],
    ["compare", file, "--out", "front ?#%20'.svg"],
    ["simulate", file, "--out", "simulated ?#%20'.svg"],
    ["cost", "space ?#%20'.yaml"],
    ["doctor"],
  ])("%s works there and says paths on one line", async (...words) => {
    const answer = await fliqs(words, at)
    expect(answer.code).toBe(0)
    expectWhole(answer)
  })

  it("shows a trial by its id", async () => {
    const [trial] = json<Array<{ id: string }>>(await fliqs(["list", "--json"], at))
    const answer = await fliqs(["show", trial!.id], at)
    expect(answer.code).toBe(0)
    expectWhole(answer)
    expect(answer.stdout.toString()).toContain(String.raw`\nand a line/.fliqs/trials/`)
  })

  it.each([
    [["validate", join(project, "wrong.yaml")], 2],
    [["validate", join(project, "nowhere\n.yaml")], 2],
    [["run", join(project, "nowhere\n.yaml")], 2],
    [["show", "ffff\n"], 2],
    [["compare", file, "--out", join(project, "no such\nfolder", "x.svg")], 2],
    [["cost", "space ?#%20'.yaml", "--latency", join(project, "none\n.json")], 2],
    [["list", "--state", join(project, "file\n", "x")], 0],
  ])("says on one line what is wrong with %j", async (words, code) => {
    const answer = await fliqs(words, at)
    expect(answer.code).toBe(code)
    expectWhole(answer)
    expect(answer.stdout.toString() + answer.stderr).not.toContain("Error:")
  })

  it("keeps its pictures as files that a browser reads", () => {
    for (const name of ["front ?#%20'.svg", "simulated ?#%20'.svg"])
      expect(readFileSync(join(project, name), "utf8")).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
  })
})
