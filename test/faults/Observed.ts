/**
 * What a grid leaves in its state folder and in the tracker, without times and ids: the same whatever it went through. Left
 * out: what it goes through (`Round.ts`).
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as Checkpoint from "../../src/orchestrator/Checkpoint.ts"
import * as Result from "../../src/orchestrator/Result.ts"
import * as State from "../../src/orchestrator/State.ts"
import { events } from "../orchestrator/supervised.ts"
import type { TrackedRun } from "./tracker.ts"

interface ObservedTrial {
  /** All of `result.json` but attempts and times. */
  readonly result: unknown
  readonly weights: Readonly<Record<string, string>>
  readonly policy: unknown
  /** `key step value`, in the order of the spool. */
  readonly points: ReadonlyArray<string>
  /** Everything else that was reported, once each. */
  readonly reports: ReadonlyArray<string>
  readonly lastEvent: string
  readonly seconds: number
}

export interface Observed {
  readonly trials: ReadonlyArray<ObservedTrial>
  readonly tracked: ReadonlyArray<TrackedRun>
}

const digest = (values: Float32Array): string =>
  createHash("sha256")
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest("hex")

/** What the process took of its machine is another each time. */
const isOfTrial = (point: string): boolean => !point.startsWith("system/")

const observeTrial = Effect.fnUntraced(function* (state: string, id: string) {
  const result = yield* Result.read(State.resultFile(state, id))
  const checkpoint = yield* Checkpoint.readNewest(State.checkpointFolder(state, id), "leave", id)
  const spooled = yield* events(State.trialFolder(state, id))
  const { attempt: _a, finishedAt: _f, seconds = -1, ...rest } = result ?? {}
  const points: Array<string> = []
  const reports = new Set<string>()
  for (const event of spooled) {
    if (event.type === "metrics")
      for (const [key, value] of Object.entries(event.values))
        points.push(`${key} ${event.step} ${value}`)
    else if (event.type !== "start" && event.type !== "end")
      reports.add(JSON.stringify({ ...event, time: undefined }))
  }
  const last = spooled.at(-1)
  return {
    result: rest,
    weights: Object.fromEntries(
      Object.entries(checkpoint?.tensors ?? {}).map(([name, { values }]) => [name, digest(values)]),
    ),
    policy: [checkpoint?.step, checkpoint?.state],
    points: points.filter(isOfTrial),
    reports: [...reports].sort(),
    lastEvent: last?.type === "end" ? last.status : (last?.type ?? "none"),
    seconds,
  } satisfies ObservedTrial
})

export const observe = async (
  state: string,
  ids: ReadonlyArray<string>,
  tracked: ReadonlyArray<TrackedRun>,
): Promise<Observed> => ({
  trials: await Effect.runPromise(
    Effect.forEach(ids, (id) => observeTrial(state, id)).pipe(Effect.provide(NodeServices.layer)),
  ),
  tracked: tracked.toSorted((a, b) => ((a.trialId ?? "") < (b.trialId ?? "") ? -1 : 1)),
})

/** What differs, in words; nothing for `mayLack` points and reports that a damaged spool has lost. */
export const differences = (found: Observed, right: Observed, mayLack: boolean): Array<string> => {
  const wrong: Array<string> = []
  const same = (what: string, a: unknown, b: unknown) => {
    const [x, y] = [JSON.stringify(a), JSON.stringify(b)]
    if (x !== y) wrong.push(`${what}: ${x} in place of ${y}`)
  }
  const list = (what: string, a: ReadonlyArray<string>, b: ReadonlyArray<string>) => {
    const known = new Set(b)
    if (!mayLack) return same(what, a, b)
    for (const one of a) if (!known.has(one)) wrong.push(`${what}: ${one} was never reported`)
    if (new Set(a).size !== a.length) wrong.push(`${what}: something is there twice`)
  }
  right.trials.forEach((expected, i) => {
    const trial = found.trials[i]!
    same(`result ${i}`, trial.result, expected.result)
    same(`weights ${i}`, trial.weights, expected.weights)
    same(`policy ${i}`, trial.policy, expected.policy)
    list(`points ${i}`, trial.points, expected.points)
    list(`reports ${i}`, trial.reports, expected.reports)
    same(`last event ${i}`, trial.lastEvent, expected.lastEvent)
    if (!(trial.seconds >= 0 && trial.seconds < 900)) wrong.push(`seconds ${i}: ${trial.seconds}`)
  })
  same(
    "runs",
    found.tracked.map(({ name, trialId }) => [name, trialId]),
    right.tracked.map(({ name, trialId }) => [name, trialId]),
  )
  right.tracked.forEach((expected, i) => {
    const run = found.tracked[i]
    if (run === undefined) return
    same(`status of run ${i}`, run.status, expected.status)
    list(`tracked points ${i}`, run.points.filter(isOfTrial), expected.points.filter(isOfTrial))
    if (mayLack) return
    same(`tracked run ${i}`, { ...run, points: [] }, { ...expected, points: [] })
  })
  return wrong
}

/** Steps that were saved and trained again: the first step of each process by the last of the one before it. */
export const lostSteps = (diary: string, every: number): ReadonlyArray<string> => {
  if (!fs.existsSync(diary)) return []
  const spans: Array<{ pid: string; first: number; last: number }> = []
  for (const line of fs.readFileSync(diary, "utf8").trim().split("\n")) {
    const [pid = "", step = "0"] = line.split(" ")
    const known = spans.find((span) => span.pid === pid)
    // One that was frozen and goes on once another has begun does one step more.
    if (known !== undefined && known !== spans.at(-1)) continue
    if (known === undefined) spans.push({ pid, first: Number(step), last: Number(step) })
    else known.last = Number(step)
  }
  return spans.flatMap(({ first, pid }, i) => {
    const before = spans[i - 1]
    // A step begins once the checkpoint before it is saved.
    const saved = before === undefined ? 0 : Math.floor((before.last - 1) / every) * every
    return first <= saved ? [`process ${pid} begins at step ${first}, and ${saved} was saved`] : []
  })
}
