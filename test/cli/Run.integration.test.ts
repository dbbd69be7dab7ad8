/** `run` with real trials on made-up data: to the end, stopped by Ctrl-C once and twice, killed, continued. */
import type { ChildProcess } from "node:child_process"
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { experiment, fliqs, json, makeFolder, space, start } from "./fliqs.ts"

const cleanups: Array<() => void> = []
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean()
})

/** A folder with the experiment at so many steps. */
const prepare = (steps: number) => {
  const { folder, remove } = makeFolder({
    "space.yaml": space,
    "experiment.yaml": experiment.replace("steps: 300", `steps: ${steps}`),
  })
  cleanups.push(remove)
  return { folder, at: { cwd: folder } }
}

interface Listed {
  readonly id: string
  readonly state: string
  readonly step: number
  readonly name: string
  readonly metrics: Readonly<Record<string, number>>
}

const list = async (folder: string) =>
  json<ReadonlyArray<Listed>>(await fliqs(["list", "--json"], { cwd: folder }))

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Until a trial has saved something. */
const untilSaved = async (folder: string) => {
  const trials = join(folder, ".fliqs/trials")
  for (;;) {
    // folders appear one after the other
    const folders = existsSync(trials)
      ? readdirSync(trials).map((id) => join(trials, id, "checkpoint"))
      : []
    const saved = folders.filter(existsSync).flatMap((path) => readdirSync(path))
    if (saved.some((name) => name.endsWith(".safetensors"))) return
    await pause(20)
  }
}

/** Until the process has said this on stderr. */
const untilSaid = (child: ChildProcess, words: RegExp) =>
  new Promise<void>((resolve) => {
    let said = ""
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString()
      if (words.test(said)) resolve()
    })
    child.on("exit", () => resolve())
  })

const pidsOf = (folder: string, trials: ReadonlyArray<Listed>): ReadonlyArray<number> =>
  trials.flatMap(({ id }) => {
    try {
      const path = join(folder, ".fliqs/trials", id, "heartbeat.json")
      return [(JSON.parse(readFileSync(path, "utf8")) as { pid: number }).pid]
    } catch {
      return []
    }
  })

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const untilGone = async (pids: ReadonlyArray<number>) => {
  while (pids.some(isRunning)) await pause(100)
}

const words = ["run", "experiment.yaml", "--jobs", "2"]

describe("run", () => {
  it("runs every trial, sums them up, and skips them the next time", async () => {
    const { at, folder } = prepare(60)
    const first = await fliqs(words, at)
    expect(first.code).toBe(0)
    const said = first.stdout.toString()
    expect(said).toContain("share of cost")
    expect(said).toMatch(/uniform INT4 seed=1 +\d/)
    expect(said).toMatch(
      /^reinforce: [+-]\d+\.\d points against uniform INT4 at .*cost; mean of 2 seeds, 95 % interval [+-]\S+ to [+-]\S+$/m,
    )
    const trials = await list(folder)
    expect(trials.map((trial) => trial.state)).toEqual(Array(4).fill("finished"))
    const { arithmetic } = json<any>(await fliqs(["show", trials[0]!.id, "--json"], at))
    expect(arithmetic).toMatchObject({ oneDnn: "on", variables: { TF_ENABLE_ONEDNN_OPTS: "1" } })
    const spool = join(folder, ".fliqs/trials", trials[0]!.id, "spool.jsonl")
    expect(readFileSync(spool, "utf8").match(/"oneDnn":"on"/g)).toHaveLength(1)
    const results = trials.map(({ id }) => join(folder, ".fliqs/trials", id, "result.json"))
    const written = results.map((path) => statSync(path).mtimeMs)
    const second = await fliqs(words, at)
    expect(second.code).toBe(0)
    expect(second.stdout.toString()).toBe(said)
    expect(second.stderr.match(/finished before, skipped/g)).toHaveLength(4)
    expect(results.map((path) => statSync(path).mtimeMs)).toEqual(written)
    const compared = json<any>(await fliqs(["compare", "experiment.yaml", "--json"], at))
    expect(compared.map((row: any) => row.id).sort()).toEqual(trials.map((trial) => trial.id))
    for (const row of compared) {
      expect(row).toMatchObject({ costUnit: "GBOPs", costOverTarget: row.cost / row.target })
      expect(row.metrics["final/cost_over_target"]).toBeCloseTo(row.costOverTarget, 9)
      expect(row.comparisons).toHaveLength(row.control === null ? 1 : 0)
      for (const { difference, id } of row.comparisons) {
        const rival = compared.find((other: any) => other.id === id)
        expect(rival).toMatchObject({ control: "uniform", costOverTarget: 1 })
        expect(rival.parameters.seed).toBe(row.parameters.seed)
        expect(difference).toBe(row.metrics["final/accuracy"] - rival.metrics["final/accuracy"])
      }
    }
    const table = (await fliqs(["compare", "experiment.yaml"], at)).stdout.toString()
    expect(table).toMatch(/^\*? +reinforce +2\/2 /m)
    expect(table).toMatch(/^\*? +uniform INT4 +2\/2 /m)
    const groups = json<any>(
      await fliqs(["compare", "experiment.yaml", "--by", "arm", "--json"], at),
    )
    const [searched, uniform] = groups
    expect(searched.difference).toMatchObject({ pairs: 2, against: { label: "uniform INT4" } })
    const gains = compared.flatMap((row: any) =>
      row.comparisons.map(({ difference }: any) => difference),
    )
    expect(searched.difference.mean).toBeCloseTo((gains[0] + gains[1]) / 2, 12)
    const id = (await fliqs(["best", "experiment.yaml", "--id"], at)).stdout.toString().trim()
    expect(compared.map((row: any) => row.id)).toContain(id)
    const mean = (group: any, key: string) => group.metrics[key].mean
    const beats = (a: any, b: any) =>
      mean(a, "final/accuracy") >= mean(b, "final/accuracy") &&
      mean(a, "final/gbops") <= mean(b, "final/gbops") &&
      (mean(a, "final/accuracy") > mean(b, "final/accuracy") ||
        mean(a, "final/gbops") < mean(b, "final/gbops"))
    const groupOf = ({ id }: any) =>
      groups.find(({ trials }: any) => trials.some((trial: any) => trial.id === id))
    for (const row of compared) expect(row.pareto).toBe(groupOf(row).pareto)
    expect(searched.pareto).toBe(!beats(uniform, searched))
    expect(uniform.pareto).toBe(!beats(searched, uniform))
    const front = await fliqs(
      [
        "compare",
        "experiment.yaml",
        "--out",
        "front.json",
        "--pareto",
        "final/accuracy:max,final/gbops:min",
      ],
      at,
    )
    const marked = front.stdout.toString().match(/^\* +\S.* 2\/2 /gm)
    expect(marked).toHaveLength(groups.filter((group: any) => group.pareto).length)
    const drawn = JSON.parse(readFileSync(join(folder, "front.json"), "utf8"))
    expect(drawn.data.values.map(({ seeds }: any) => seeds)).toEqual([2, 2])
    const narrowed = "--sort final/accuracy --limit 1 --filter search.kind=fixed --json"
    const best = await fliqs(["compare", "experiment.yaml", ...narrowed.split(" ")], at)
    const fixed = compared.filter((row: any) => row.parameters["search.kind"] === "fixed")
    const accuracies = fixed.map((row: any) => row.metrics["final/accuracy"])
    expect(json<any>(best)[0].metrics["final/accuracy"]).toBe(Math.max(...accuracies))
    const misspelt = await fliqs(
      ["compare", "experiment.yaml", "--pareto", "final/acuracy:max"],
      at,
    )
    expect(misspelt.code).toBe(2)
    expect(misspelt.stderr).toContain("final/accuracy")
    const shownId = trials[0]!.id
    const shown = json<any>(await fliqs(["show", shownId.slice(0, 6), "--json"], at))
    expect(shown).toMatchObject({ id: shownId, state: "finished", step: 60 })
    expect(Object.keys(shown.assignment).sort()).toEqual([
      "body.format",
      "classifier.format",
      "stem.format",
    ])
    expect(shown.parameters["train.steps"]).toBe(60)
    expect(shown.metrics["final/accuracy"]).toBeGreaterThan(0)
    // What `show` prints is an assignment that `cost` takes, and both agree on the cost.
    writeFileSync(join(folder, "shown.json"), JSON.stringify(shown))
    const costed = await fliqs(["cost", "space.yaml", "--assignment", "shown.json", "--json"], at)
    expect(json<any>(costed).gbops).toBeCloseTo(shown.metrics["final/gbops"], 12)
  })

  it("measures sensitivities that a rehearsal takes", async () => {
    const { at, folder } = prepare(60)
    const plain = ["--set", "matrix={}", "--set", "controls=[]"]
    const measuring = ["--set", "search.kind=sensitivity", ...plain]
    const ran = await fliqs(["run", "experiment.yaml", "--no-track", ...measuring], at)
    expect(ran.code).toBe(0)
    const [id] = readdirSync(join(folder, ".fliqs/trials"))
    const file = `.fliqs/trials/${id}/artifacts/sensitivities.json`
    const given: Record<string, number> = JSON.parse(readFileSync(join(folder, file), "utf8"))
    expect(Object.keys(given)).toEqual(["stem.format", "body.format", "classifier.format"])
    // the narrowest, INT2 everywhere, loses all of a_i
    expect(Object.values(given).reduce((a, b) => a + b, 0)).toBeCloseTo(0.3, 9)
    const simulate = ["simulate", "experiment.yaml", "--json", ...plain]
    const measured = await fliqs([...simulate, "--sensitivities", file], at)
    expect(measured.code).toBe(0)
    const [a, b] = [measured, await fliqs(simulate, at)].map(
      (answer) => json<any>(answer).trials[0],
    )
    expect(a.id).toBe(b.id)
    expect(a.quality).not.toBe(b.quality)
  })

  it("stopped by Ctrl-C saves, exits with 130, names the command, and goes on from there", async () => {
    const { at, folder } = prepare(3000)
    const { child, ended } = start(words, at)
    await untilSaved(folder)
    child.kill("SIGINT")
    const answer = await ended
    expect(answer.code).toBe(130)
    expect(answer.stderr).toContain("stopping")
    expect(answer.stderr).toContain("./fliqs run experiment.yaml --jobs 2")
    const trials = await list(folder)
    const stopped = trials.filter((trial) => trial.state === "stopped")
    expect(stopped.length).toBeGreaterThan(0)
    expect(pidsOf(folder, trials).filter(isRunning)).toEqual([])
    const id = stopped.find((trial) => trial.step > 0)!.id
    const before = stopped.find((trial) => trial.id === id)!.step
    const again = start([...words, "--only", id], at)
    await untilSaid(again.child, new RegExp(`: going on from step ${before}\n`))
    again.child.kill("SIGINT")
    const second = await again.ended
    expect(second.code).toBe(130)
    expect(second.stderr).toContain(`going on from step ${before}`)
    const after = (await list(folder)).find((trial) => trial.id === id)!.step
    expect(after).toBeGreaterThanOrEqual(before)
  })

  it("stopped by Ctrl-C twice ends at once and leaves no process", async () => {
    const { at, folder } = prepare(5000)
    const { child, ended } = start(words, at)
    await untilSaved(folder)
    const pids = pidsOf(folder, await list(folder))
    expect(pids.length).toBeGreaterThan(0)
    child.kill("SIGINT")
    child.kill("SIGINT")
    // Two signals in one instant may arrive as one.
    await pause(50)
    child.kill("SIGINT")
    expect((await ended).code).toBe(130)
    await untilGone(pids)
    const trials = await list(folder)
    expect(trials.some((trial) => trial.state === "stopped" && trial.step >= 20)).toBe(true)
  })

  it("killed (-9) leaves no process behind, and the same command finishes each trial once", async () => {
    const { at, folder } = prepare(1500)
    const { child, ended } = start(words, at)
    await untilSaved(folder)
    const pids = pidsOf(folder, await list(folder))
    child.kill("SIGKILL")
    expect((await ended).code).toBe("SIGKILL")
    await untilGone(pids)
    const answer = await fliqs(words, at)
    expect(answer.code).toBe(0)
    expect(answer.stderr).toMatch(/going on from step \d+/)
    const trials = await list(folder)
    expect(trials.map((trial) => [trial.state, trial.step])).toEqual(
      Array.from({ length: 4 }, () => ["finished", 1500]),
    )
  })
})
