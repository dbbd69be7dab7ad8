/** What the state folder knows of a trial, put together for `list`, `show` and the end of `run`. */
import { Effect } from "effect"
import * as Heartbeat from "../orchestrator/Heartbeat.ts"
import type * as Result from "../orchestrator/Result.ts"
import { stateOf, type TrialState } from "../orchestrator/Standing.ts"
import * as State from "../orchestrator/State.ts"

export interface Known {
  readonly trial: State.TrialFile
  readonly state: TrialState
  readonly step: number
  readonly result: Result.Result | undefined
  readonly heartbeat: Heartbeat.Heartbeat | undefined
  /** Of the result, else the last that were told. */
  readonly metrics: Readonly<Record<string, number>>
}

/** Undefined when there is no such trial. */
export const readKnown = Effect.fnUntraced(function* (state: string, id: string) {
  const trial = yield* State.readTrial(State.trialFile(state, id))
  if (trial === undefined) return undefined
  const heartbeat = yield* Heartbeat.read(State.heartbeatFile(state, id))
  const { result, state: standing, step } = yield* stateOf(state, id)
  return {
    trial,
    state: standing,
    step,
    result,
    heartbeat,
    metrics: result?.metrics ?? heartbeat?.metrics ?? {},
  } satisfies Known
})

/** All trials that were ever begun here. */
export const readAll = Effect.fnUntraced(function* (state: string) {
  const all = yield* Effect.forEach(yield* State.trialIds(state), (id) => readKnown(state, id))
  return all.filter((known) => known !== undefined)
})
