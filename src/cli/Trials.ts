/** What the state folder knows of a trial, put together for `list`, `show` and the end of `run`. */
import { Effect } from "effect"
import { pathText } from "../declaration/Errors.ts"
import * as Heartbeat from "../orchestrator/Heartbeat.ts"
import * as Journal from "../orchestrator/Journal.ts"
import type * as Result from "../orchestrator/Result.ts"
import { type Damage, stateOf, standingOf, type TrialState } from "../orchestrator/TrialStatus.ts"
import * as State from "../orchestrator/State.ts"
import * as TrialIndex from "../orchestrator/TrialIndex.ts"

/** What identifies a trial; taken from its journal if its file is damaged. */
export type Named = TrialIndex.TrialHead

export interface Known<R = Result.Result> {
  readonly trial: Named
  readonly state: TrialState
  readonly step: number
  readonly result: R | undefined
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
    cell: {},
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

/** The same by the index of the folder. */
const readBriefly = Effect.fnUntraced(function* (index: TrialIndex.TrialIndex, id: string) {
  const { state } = index
  const { damage, result, state: standing, step } = yield* standingOf(index, id)
  const found =
    damage === undefined ? yield* Effect.orElseSucceed(index.find(id), () => undefined) : undefined
  // A trial that is damaged, or only just being made: as `show` has it.
  if (found?.trial === undefined) return yield* readKnown(state, id)
  const heartbeat =
    result === undefined ? yield* Heartbeat.read(State.heartbeatFile(state, id)) : undefined
  return {
    trial: found.trial,
    state: standing,
    step,
    result,
    heartbeat,
    metrics: result?.metrics ?? heartbeat?.metrics ?? {},
    damage,
  } satisfies Known<Result.Summary>
})

/** The trials of these ids that the state folder has. */
export const readAll = Effect.fnUntraced(function* (state: string, ids: ReadonlyArray<string>) {
  const index = TrialIndex.open(state)
  const all: Array<Known<Result.Summary>> = []
  for (const id of ids) {
    const known = yield* readBriefly(index, id)
    if (known !== undefined) all.push(known)
  }
  yield* index.save
  return all
})
