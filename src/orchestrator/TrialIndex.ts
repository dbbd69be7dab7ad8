/**
 * The records of many trials, known without reading each: an entry of the index (`IndexFile.ts`) holds as long as the
 * files it is from have the identity they had; else they are read again. So the folder is the record and the index only
 * saves time: it may be deleted or damaged at any time, several processes may read and replace it, and none waits for
 * another. Left out: how a trial stands (`TrialStatus.ts`).
 */
import { Effect, type FileSystem } from "effect"
import * as Durable from "../disk/Durable.ts"
import type { StorageError } from "../disk/Errors.ts"
import { type FileIdentity, identityOf } from "../disk/FileIdentity.ts"
import { withoutWaiting } from "../disk/Patience.ts"
import * as Spool from "../track/Spool.ts"
import type { Trial } from "../train/Trial.ts"
import { costKindOf } from "./CostKind.ts"
import * as Heartbeat from "./Heartbeat.ts"
import * as IndexFile from "./IndexFile.ts"
import { labelsText } from "./Relabel.ts"
import * as Result from "./Result.ts"
import * as State from "./State.ts"

export type { TrialHead } from "./IndexFile.ts"

type Reads<A> = Effect.Effect<A, StorageError, FileSystem.FileSystem>

export interface TrialIndex {
  readonly state: string
  /** What the records of a trial say now; undefined when it has no `trial.json` and no result. Fails as reading them does. */
  readonly find: (id: string) => Reads<Found | undefined>
  /** How long a trial took, or takes; undefined where that cannot be read. */
  readonly timeOf: (id: string) => Effect.Effect<Timed | undefined, never, FileSystem.FileSystem>
  /** Whether its spool is known to have ended, with nothing written since. */
  readonly hasEnded: (id: string) => boolean
  /** Notes that its spool ended before this identity was taken. */
  readonly noteEnded: (id: string, spool: FileIdentity | undefined) => void
  /** Keeps what was learned for the next process, if that is worth a file. Never fails. */
  readonly save: Effect.Effect<void, never, FileSystem.FileSystem>
}

/** What an entry says; `trial` is undefined where only the result is there. */
export interface Found {
  readonly trial: IndexFile.TrialHead | undefined
  readonly costKind: string
  /** Of the trial, as JSON; empty where it has none. */
  readonly labels: string
  readonly result: Result.Summary | undefined
}

interface Timed {
  readonly costKind: string
  readonly seconds: number
  readonly steps: number
}

const headOf = ({ cell, experiment, gridId, id, name, parameters, steps }: State.TrialFile) => ({
  id,
  gridId,
  name,
  experiment,
  steps,
  cell,
  parameters,
})

/** A declaration that this version cannot read has no kind. */
const kindOf = (declaration: unknown): string => {
  try {
    return costKindOf(declaration as Trial)
  } catch {
    return ""
  }
}

const isSettled = (identity: FileIdentity | undefined): boolean => identity?.isSettled ?? true

/** Fewer new entries than this are not worth a new file: they are read again. */
const worthSaving = (known: number): number => 16 + known / 64

export const spoolOf = (state: string, id: string): string =>
  `${State.trialFolder(state, id)}/${Spool.fileName}`

/** The entries in memory. */
interface Memory {
  readonly state: string
  /** Undefined before they are first needed. */
  read: Map<string, IndexFile.Entry> | undefined
  /** Since they were saved. */
  changes: number
}

const entriesOf = (memory: Memory): Map<string, IndexFile.Entry> =>
  (memory.read ??= IndexFile.read(memory.state))

const put = (memory: Memory, id: string, entry: IndexFile.Entry): void => {
  entriesOf(memory).set(id, entry)
  memory.changes++
}

const readAnew = Effect.fnUntraced(function* (
  memory: Memory,
  id: string,
  ofTrial: FileIdentity | undefined,
  ofResult: FileIdentity | undefined,
) {
  const { state } = memory
  const trial = yield* State.readTrial(State.trialFile(state, id))
  const full = yield* Result.read(State.resultFile(state, id))
  const { arithmetic: _, layers = [], ...rest } = full ?? {}
  const columns = full === undefined ? {} : IndexFile.columnsOf(layers)
  const result =
    full === undefined
      ? undefined
      : IndexFile.resultWith(rest as Omit<Result.Summary, "layers">, columns)
  if (trial === undefined)
    return result === undefined ? undefined : { trial, costKind: "", labels: "", result }
  const entry: IndexFile.Entry = {
    trial: headOf(trial),
    costKind: kindOf(trial.declaration),
    labels: labelsText(trial),
    trialIdentity: ofTrial?.text ?? "",
    result,
    columns,
    resultIdentity: ofResult?.text ?? "",
    endedSpool: entriesOf(memory).get(id)?.endedSpool ?? "",
  }
  // The identities were taken before the files were read: what changed since has others.
  const isOfThese = (full === undefined) === (ofResult === undefined)
  if (isOfThese && isSettled(ofTrial) && isSettled(ofResult)) put(memory, id, entry)
  return entry
})

const find = (memory: Memory, id: string): Reads<Found | undefined> => {
  const { state } = memory
  const known = entriesOf(memory).get(id)
  const ofTrial = identityOf(State.trialFile(state, id))
  const ofResult = identityOf(State.resultFile(state, id))
  return known !== undefined &&
    known.trialIdentity === ofTrial?.text &&
    known.resultIdentity === (ofResult?.text ?? "")
    ? Effect.succeed(known)
    : readAnew(memory, id, ofTrial, ofResult)
}

const timeOf = Effect.fnUntraced(function* (memory: Memory, id: string) {
  const found = yield* Effect.orElseSucceed(find(memory, id), () => undefined)
  if (found?.trial === undefined || found.costKind === "") return undefined
  const { costKind, result } = found
  if (result?.state === "finished")
    return { costKind, seconds: result.seconds, steps: result.steps }
  const heartbeat = yield* Heartbeat.read(State.heartbeatFile(memory.state, id))
  return heartbeat === undefined
    ? undefined
    : { costKind, seconds: heartbeat.seconds, steps: heartbeat.step }
})

const save = Effect.fnUntraced(
  function* (memory: Memory) {
    const { read, state } = memory
    if (read === undefined || memory.changes < worthSaving(read.size)) return
    memory.changes = 0
    const there = new Set(yield* State.trialIds(state))
    const kept = [...read.values()].filter(({ trial }) => there.has(trial.id))
    yield* Durable.replace(`${state}/${IndexFile.fileName}`, [IndexFile.encode(kept)], {
      synced: false,
    })
  },
  withoutWaiting,
  (effect) => Effect.ignore(effect),
)

/** The index of a state folder, read when it is first needed. */
export const open = (state: string): TrialIndex => {
  const memory: Memory = { state, read: undefined, changes: 0 }
  return {
    state,
    find: (id) => Effect.suspend(() => find(memory, id)),
    timeOf: (id) => timeOf(memory, id),
    hasEnded: (id) => {
      const known = entriesOf(memory).get(id)?.endedSpool ?? ""
      return known !== "" && known === identityOf(spoolOf(state, id))?.text
    },
    noteEnded: (id, spool) => {
      const known = entriesOf(memory).get(id)
      if (known !== undefined && spool?.isSettled === true)
        put(memory, id, { ...known, endedSpool: spool.text })
    },
    save: Effect.suspend(() => save(memory)),
  }
}
