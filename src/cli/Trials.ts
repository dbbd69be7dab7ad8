/** What the state folder knows of a trial, put together for `list`, `show` and the end of `run`. */
import { Effect } from "effect"
import { pathText } from "../declaration/Errors.ts"
import * as Heartbeat from "../orchestrator/Heartbeat.ts"
import * as Journal from "../orchestrator/Journal.ts"
import type * as Result from "../orchestrator/Result.ts"
import { type Damage, stateOf, type TrialState } from "../orchestrator/TrialStatus.ts"
import * as State from "../orchestrator/State.ts"

/** What identifies a trial; taken from its journal if its file is damaged. */
export type Named = Pick<
  State.TrialFile,
  "id" | "gridId" | "name" | "experiment" | "steps" | "parameters"
>

export interface Known {
  readonly trial: Named
  readonly state: TrialState
  readonly step: number
  readonly result: Result.Result | undefined
  readonly heartbeat: Heartbeat.Heartbeat | undefined
  /** The metrics of the result, else the last reported ones. */
  readonly metrics: Readonly<Record<string, number>>
  /** Of a trial that is `damaged`. */
  readonly damage: Damage | undefined
}

const namedByJournal = Effect.fnUntraced(function* (state: string, id: string) {
  const { parameters, start } = yield* Journal.beginning(State.trialFolder(state, id))
  return {
    id,
    gridId: start?.gridId ?? "",
    name: start?.name ?? "",
    experiment: start?.experiment ?? "",
    steps: 0,
    parameters: parameters,
  } satisfies Named
})

/** Undefined when there is no such trial. */
export const readKnown = Effect.fnUntraced(function* (state: string, id: string) {
  const { damage, result, state: standing, step } = yield* stateOf(state, id)
  const read = yield* Effect.orElseSucceed(
    State.readTrial(State.trialFile(state, id)),
    () => "damaged" as const,
  )
  if (read === undefined) return undefined
  const heartbeat = yield* Heartbeat.read(State.heartbeatFile(state, id))
  return {
    trial: read === "damaged" ? yield* namedByJournal(state, id) : read,
    state: standing,
    step,
    result,
    heartbeat,
    metrics: result?.metrics ?? heartbeat?.metrics ?? {},
    damage,
  } satisfies Known
})

/** A damaged trial in a message: the file, what is wrong with it, and how to fix it. */
export const damageWords = (trial: string, { fix, message, path }: Damage): string =>
  `${trial} is damaged: ${pathText(path)}: ${message}; ${fix}`

/** All trials that were ever begun in this state folder. */
export const readAll = Effect.fnUntraced(function* (state: string) {
  const all = yield* Effect.forEach(yield* State.trialIds(state), (id) => readKnown(state, id))
  return all.filter((known) => known !== undefined)
})
