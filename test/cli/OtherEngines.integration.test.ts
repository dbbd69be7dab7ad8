/** `run --on commands`: the lines it prints, run by something else, give the grid that the local engine gives; and `logs`. */
import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { experiment, fliqs, json, makeFolder, space } from "./fliqs.ts"

const files = {
  "space.yaml": space,
  "experiment.yaml": `${experiment
    .replace("steps: 300", "steps: 30")
    .replace("controls: [uniform]\n", "")}resources: { cpus: 1, memory: 4 GB, extra: [--nice] }\n`,
}

interface Listed {
  readonly id: string
  readonly state: string
  readonly metrics: Readonly<Record<string, number>>
}

/** The results as numbers and choices, without how long anything took. */
const results = (folder: string) =>
  readdirSync(join(folder, ".fliqs/trials"))
    .toSorted()
    .map((id) => {
      const { assignment, metrics, state, steps } = JSON.parse(
        readFileSync(join(folder, ".fliqs/trials", id, "result.json"), "utf8"),
      ) as Readonly<Record<string, unknown>>
      const quality = Object.entries(metrics as Readonly<Record<string, number>>).filter(
        ([name]) => /^(?:final|cost)\//.test(name) && !/second|time/i.test(name),
      )
      expect(quality.length).toBeGreaterThan(0)
      return { id, state, steps, assignment, quality }
    })

const inFolder = () => {
  const { folder, remove } = makeFolder(files)
  afterAll(remove)
  return { folder, at: { cwd: folder } }
}

describe("--on commands", () => {
  it("prints lines that give the grid when something else runs them", async () => {
    const { at, folder } = inFolder()
    const printed = await fliqs(["run", "experiment.yaml", "--on", "commands"], at)
    expect(printed.code).toBe(0)
    const lines = printed.stdout.toString().trim().split("\n")
    expect(lines).toHaveLength(2)
    for (const line of lines) expect(line).toMatch(/ # cpus=1 memory=4GB --nice$/)

    const others = spawnSync("xargs", ["-P", "2", "-d", "\n", "-I", "{}", "sh", "-c", "{}"], {
      input: printed.stdout,
      cwd: "/",
      encoding: "utf8",
    })
    expect([others.status, others.error]).toEqual([0, undefined])
    const listed = json<ReadonlyArray<Listed>>(await fliqs(["list", "--json"], at))
    expect(listed.map(({ state }) => state)).toEqual(["finished", "finished"])

    const again = await fliqs(["run", "experiment.yaml", "--on", "commands"], at)
    expect([again.code, again.stdout.toString().trim()]).toEqual([0, ""])
    expect(again.stderr).toContain("nothing is left to run")

    const local = inFolder()
    expect((await fliqs(["run", "experiment.yaml"], local.at)).code).toBe(0)
    expect(results(folder)).toEqual(results(local.folder))

    const { id } = json<ReadonlyArray<Listed>>(await fliqs(["list", "--json"], local.at))[0]!
    const logs = await fliqs(["logs", id], local.at)
    expect(logs.code).toBe(0)
    const log = join(local.folder, ".fliqs/trials", id, "log.txt")
    const text = readFileSync(log, "utf8").trim()
    expect(logs.stdout.toString().trim()).toBe(text)
  })
})
