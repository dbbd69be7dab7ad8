/** What the tracker is told of a run that is killed, or stopped while a trial ends. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { StubServer } from "../track/StubServer.ts"
import type { StoredRun } from "../track/StubServer.ts"
import { experiment, fliqs, json, makeFolder, space, start } from "./fliqs.ts"

const stub = new StubServer()
beforeAll(() => stub.listen())
afterAll(() => stub.close())

const prepare = (steps: number) => {
  const { folder, remove } = makeFolder({
    "space.yaml": space,
    "experiment.yaml": experiment
      .replace("steps: 300", `steps: ${steps}`)
      .replace("controls: [uniform]\n", "")
      .replace("track: { kind: none }", `track: { kind: mlflow, experiment: e${steps} }`),
  })
  afterAll(remove)
  return { folder, at: { cwd: folder, env: { MLFLOW_TRACKING_URI: stub.url } } }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

interface Beat {
  readonly step: number
  readonly pid: number
}

/** The heartbeats of the trials that have one. */
const beats = (folder: string): ReadonlyArray<Beat> => {
  try {
    const trials = join(folder, ".fliqs", "trials")
    return readdirSync(trials).flatMap((id) => {
      try {
        const beat: Beat = JSON.parse(readFileSync(join(trials, id, "heartbeat.json"), "utf8"))
        return [beat]
      } catch {
        return []
      }
    })
  } catch {
    return []
  }
}

const until = async (test: () => boolean) => {
  while (!test()) await pause(20)
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const gridRuns = (experimentName: string): ReadonlyArray<StoredRun> => {
  const id = stub.experiments.get(experimentName)?.id
  return [...stub.runs.values()].filter(
    (run) => run.experimentId === id && run.tags.get("fliqs.kind") === "grid",
  )
}
const gridRun = (experimentName: string): StoredRun => {
  const runs = gridRuns(experimentName)
  expect(runs).toHaveLength(1)
  return runs[0]!
}
const noteOf = (run: StoredRun): string => run.tags.get("mlflow.note.content") ?? ""

describe("a run that is killed", () => {
  it.each(["sync", "run"] as const)("is ended in the tracker by the next %s", async (what) => {
    const steps = what === "sync" ? 20_000 : 20_001
    const { at, folder } = prepare(steps)
    const { child, ended } = start(["run", "experiment.yaml", "--jobs", "2"], at)
    await until(() => beats(folder).filter(({ step }) => step > 0).length === 2)
    const name = `e${steps}`
    // the experiment is there before its run, and the run before its page
    await until(() => gridRuns(name).some((run) => noteOf(run).includes("| running |")))
    expect(gridRun(name).status).toBe("RUNNING")
    child.kill("SIGKILL")
    await ended
    await until(() => !beats(folder).some(({ pid }) => isAlive(pid)))
    const next = {
      sync: ["sync"],
      run: ["run", "experiment.yaml", "--set", "train.steps=6", "--set", "matrix.seed=[3]"],
    }
    const answer = await fliqs(next[what], at)
    expect(answer).toMatchObject({ code: 0 })
    const { id } = stub.experiments.get(name)!
    const runs = [...stub.runs.values()].filter((run) => run.experimentId === id)
    const killed = runs.find((run) => run.tags.get("fliqs.kind") === "grid")!
    expect(killed.status).toBe("KILLED")
    expect(killed.tags.get("fliqs.message")).toContain("killed")
    expect(noteOf(killed)).toContain("| stopped |")
    expect(noteOf(killed)).not.toContain("| running |")
    expect(runs.map(({ status }) => status)).not.toContain("RUNNING")
  })
})

describe("a trial that ends while its run is stopped by Ctrl-C", () => {
  it("has its line, its row in the table and its result in the page of the grid", async () => {
    const { at, folder } = prepare(40)
    const { child, ended } = start(["run", "experiment.yaml", "--jobs", "1"], at)
    await until(() => beats(folder).some(({ step }) => step === 40))
    child.kill("SIGINT")
    const answer = await ended
    expect(answer.code).toBe(130)
    const trials = json<Array<{ name: string; state: string }>>(await fliqs(["list", "--json"], at))
    const finished = trials.filter(({ state }) => state === "finished")
    expect(finished.map(({ name }) => name)).toEqual(["seed=1"])
    expect(answer.stderr).toMatch(/^seed=1: finished after .*accuracy/m)
    expect(answer.stdout.toString()).toMatch(/^trial .*accuracy/m)
    expect(answer.stdout.toString()).toMatch(/^seed=1 .*%/m)
    expect(noteOf(gridRun("e40"))).toMatch(/^\| \[s1 reinforce\]\([^)]*\) \| finished \|/m)
    expect(gridRun("e40").status).toBe("KILLED")
  })

  it("and one that does not end is said to be stopped", async () => {
    const { at, folder } = prepare(30_000)
    const { child, ended } = start(["run", "experiment.yaml", "--jobs", "1"], at)
    await until(() => beats(folder).some(({ step }) => step > 5))
    child.kill("SIGINT")
    const answer = await ended
    expect(answer.code).toBe(130)
    expect(answer.stderr).toMatch(/^seed=1: stopped, step \d+ is saved$/m)
    expect(noteOf(gridRun("e30000"))).toMatch(
      /^\| (?:\[s1 reinforce\]\([^)]*\)|s1 reinforce) \| stopped \|/m,
    )
    expect(noteOf(gridRun("e30000"))).toMatch(/^\| s2 reinforce \| planned \|/m)
  })
})
