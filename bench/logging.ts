/**
 * What logging 20 metrics in every step adds to a training step, with the server of the tracker up, away and slow.
 *
 *     npm run bench:logging -- [EXPERIMENT] [PAIRS]
 *
 * The first trial of the experiment (default: the quickstart, 40 pairs) on one thread, in this process, with its journal;
 * another process sends what it spools, as `fliqs run` does. Ten steps with logging and ten without are one pair, the first of
 * them in turns. Prints for each server the median and the quartiles of the ratios with / without, of wall and of processor
 * time, and how long the calls of the journal themselves took. Left out: the processor time of the sender, which is printed
 * beside, and of the server.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { performance } from "node:perf_hooks"
import { createInterface } from "node:readline"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Exit, Scope } from "effect"
import { openBatches } from "../src/data/Batches.ts"
import * as Datasets from "../src/data/Datasets.ts"
import { cacheDirectory } from "../src/disk/Installation.ts"
import * as Fence from "../src/orchestrator/Fence.ts"
import * as GridRecord from "../src/orchestrator/GridRecord.ts"
import * as Journal from "../src/orchestrator/Journal.ts"
import * as State from "../src/orchestrator/State.ts"
import { load } from "../src/tensor/Backend.ts"
import * as Server from "../src/track/Server.ts"
import { searchPhase, startOf, trainPhase } from "../src/train/Phase.ts"
import { openSession } from "../src/train/Session.ts"
import { firstTrial, run } from "./FirstTrial.ts"
import { spread, type Spread } from "./Statistics.ts"

const [file = "experiments/quickstart.yaml", pairs = "40"] = process.argv.slice(2)
const metricCount = 20
const stepsPerBlock = 10
const servers = ["up", "down", "slow"] as const
const limit = 1.01

const gridId = "00000000000000aa"
const trialId = "0123456789abcdef"
const trial: State.TrialFile = {
  version: State.version,
  id: trialId,
  gridId,
  experiment: "logging",
  name: "logging",
  cell: {},
  parameters: { "search.kind": "reinforce" },
  declaration: {},
  steps: 0,
  tags: {},
  execution: { threads: 1, checkpointEvery: 100, eager: false },
}

/** Seconds that a process has used. */
const processorSeconds = (pid: number): number => {
  const [utime = 0, stime = 0] = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ")
    .slice(11, 13)
    .map(Number)
  return (utime + stime) / 100
}

/** A state folder with a journal that is open, and a process that sends it. */
const openLog = async (server: (typeof servers)[number]) => {
  const state = mkdtempSync(join(tmpdir(), "fliqs-logging-"))
  const scope = Scope.makeUnsafe()
  const within = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices | Scope.Scope>) =>
    Effect.runPromise(
      effect.pipe(Scope.provide(scope), Effect.provide(NodeServices.layer)) as Effect.Effect<A, E>,
    )
  mkdirSync(State.trialFolder(state, trialId), { recursive: true })
  await within(
    GridRecord.open(
      {
        state,
        grid: { gridId, experiment: "logging", name: "logging", file: "logging.yaml" },
        files: {},
        tags: {},
        trials: [trial],
      },
      "local",
    ),
  )
  const fence = await within(Fence.enter(State.trialFolder(state, trialId)))
  const journal = await within(Journal.open(state, trial, fence))
  const words = ["--no-deprecation", "bench/worker/sender.ts", state, server]
  const sender: ChildProcess = spawn(process.execPath, words, {
    stdio: ["ignore", "pipe", "inherit"],
  })
  const lines = createInterface({ input: sender.stdout! })
  await new Promise((resolve) => lines.once("line", resolve))
  const close = async () => {
    sender.kill()
    await new Promise((resolve) => sender.once("exit", resolve))
    await Effect.runPromise(Scope.close(scope, Exit.void))
    await Effect.runPromise(Server.stop(state).pipe(Effect.provide(NodeServices.layer)))
    rmSync(state, { recursive: true, force: true })
  }
  return { journal, close, used: () => processorSeconds(sender.pid!) }
}

const clocks = ["wall", "processor"] as const
const now = () => {
  const { system, user } = process.cpuUsage()
  return { wall: performance.now() / 1000, processor: (user + system) / 1e6 }
}

const prepared = await firstTrial(file, [
  "train.steps=1000000",
  "train.learningRate.warmupSteps=0",
  "matrix=null",
  "controls=null",
  "search={ kind: fixed, uniform: INT4 }",
])
await run(load({ threads: 1 }))
const { data: spec, seed } = prepared.trial
const dataset = await run(Datasets.load(spec, cacheDirectory(), "."))
const data = await openBatches(dataset, { ...spec, seed })
const session = await openSession(prepared, dataset, { eager: false })
const phase = searchPhase(prepared)
const events = trainPhase(phase, startOf(phase), prepared, session, data)

/** One step, which ends with its checkpoint. */
const step = async (): Promise<void> => {
  for (;;) {
    const next = await events.next()
    if (next.done === true) throw new Error("the trial has ended")
    if (next.value.type === "checkpoint") return
  }
}

/** Made-up values: a trial itself reports no more often than its curves have room for. */
const values = (): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Array.from({ length: metricCount }, (_, i) => [`search/metric_${i}`, Math.random()]),
  )

const textOf = ({ high, low, median }: Spread): string =>
  `${median.toFixed(4)} [${low.toFixed(4)} .. ${high.toFixed(4)}]`

let total = 0
for (let i = 0; i < stepsPerBlock; i++) await step()
for (const server of servers) {
  const log = await openLog(server)
  const ratios = { wall: [] as Array<number>, processor: [] as Array<number> }
  const calls: Array<number> = []
  let [trained, logged] = [0, 0]
  const reported = Array.from({ length: stepsPerBlock }, values)
  const block = async (isLogged: boolean) => {
    const from = now()
    for (let i = 0; i < stepsPerBlock; i++) {
      await step()
      total += 1
      if (!isLogged) continue
      const began = performance.now()
      log.journal.metrics(total, reported[i]!)
      calls.push((performance.now() - began) / 1000)
      logged += 1
    }
    const to = now()
    const seconds = { wall: to.wall - from.wall, processor: to.processor - from.processor }
    if (!isLogged) trained += seconds.wall
    return seconds
  }
  const before = log.used()
  for (let pair = 0; pair < Number(pairs); pair++) {
    const first = await block(pair % 2 === 0)
    const second = await block(pair % 2 !== 0)
    const [on, off] = pair % 2 === 0 ? [first, second] : [second, first]
    for (const clock of clocks) ratios[clock].push(on[clock] / off[clock])
  }
  const stepSeconds = trained / logged
  const sent = (1000 * (log.used() - before)) / logged
  const call = spread(calls)
  const share = call.median / stepSeconds
  console.log(
    `server ${server.padEnd(5)} wall ${textOf(spread(ratios.wall))}  processor ${textOf(spread(ratios.processor))}  calls of the journal ${(1e6 * call.median).toFixed(0)} us [${(1e6 * call.low).toFixed(0)} .. ${(1e6 * call.high).toFixed(0)}] of ${(1000 * stepSeconds).toFixed(0)} ms: ${(100 * share).toFixed(2)} %  sender ${sent.toFixed(2)} ms of processor time per step`,
  )
  if (share > limit - 1) process.exitCode = 1
  await log.close()
}
await events.return(undefined as never)
session.dispose()
await data.close()
