/**
 * The index of a state folder on disk, `index.jsonl`: what many trials' records say, in one file. The first line has its
 * version and a checksum over the rest; each line after it is one trial. Trials of a grid have most of their parameters in
 * common, so a line says only how a trial differs from the one before it. A file that is damaged, or of another version, is
 * no index: all is read from the records again. Left out: when an entry may be used (`TrialIndex.ts`).
 */
import { readFileSync } from "node:fs"
import { crc32 } from "node:zlib"
import type * as Result from "./Result.ts"
import type * as State from "./State.ts"

/** To be raised when an entry holds more, or is made otherwise. */
const version = 3
export const fileName = "index.jsonl"

/** What `trial.json` says, without the declaration. */
export type TrialHead = Pick<
  State.TrialFile,
  "id" | "gridId" | "name" | "experiment" | "steps" | "cell" | "parameters"
>

/** What is kept of a trial whose records can be read. */
export interface Entry {
  readonly trial: TrialHead
  /** Which `trial.json` it is from. */
  readonly trialIdentity: string
  /** Its labels in the tracker as JSON; empty where there are none. */
  readonly labels: string
  /** Trials of one kind cost about the same per step. */
  readonly costKind: string
  readonly result: Result.Summary | undefined
  /** Those of its result. */
  readonly columns: LayerColumns
  /** Which `result.json` it is from; empty where there was none. */
  readonly resultIdentity: string
  /** Of the spool, when its last event was its end and nothing was left of killed writers; else empty. */
  readonly endedSpool: string
}

/** The layers of a result, a JSON list for each of their keys: most trials of a grid have most of these in common. */
export type LayerColumns = Readonly<Record<string, string>>

type Layers = Result.Summary["layers"]
const layerKeys = ["path", "weightFormat", "activationFormat", "macs", "costShare"] as const

export const columnsOf = (layers: Layers): LayerColumns =>
  Object.fromEntries(
    layerKeys.map((key) => [key, JSON.stringify(layers.map((layer) => layer[key]))]),
  )

const layersOf = (columns: LayerColumns): Layers => {
  const lists = layerKeys.map((key) => JSON.parse(columns[key] ?? "[]") as ReadonlyArray<never>)
  const [paths, weightFormats, activationFormats, macs, costShares] = lists
  return (paths ?? []).map((path, i) => ({
    path,
    weightFormat: weightFormats![i]!,
    activationFormat: activationFormats![i]!,
    macs: macs![i]!,
    costShare: costShares![i]!,
  }))
}

/** A result whose layers are made when they are asked for. */
export const resultWith = (
  result: Omit<Result.Summary, "layers">,
  columns: LayerColumns,
): Result.Summary => ({
  ...result,
  get layers() {
    return layersOf(columns)
  },
})

type Values = Readonly<Record<string, unknown>>

/** The values that are not as before, by their place; all of them where the keys differ. */
type Difference = ReadonlyArray<unknown> | Values

const keysOf = new WeakMap<Values, ReadonlyArray<string>>()
const knownKeys = (values: Values): ReadonlyArray<string> => {
  const known = keysOf.get(values) ?? Object.keys(values)
  keysOf.set(values, known)
  return known
}

const differenceOf = (before: Values, now: Values): Difference => {
  const keys = knownKeys(before)
  const own = Object.keys(now)
  if (keys.length !== own.length || own.some((key, i) => key !== keys[i])) return now
  return own.flatMap((key, i) => (Object.is(before[key], now[key]) ? [] : [i, now[key]]))
}

const applied = (before: Values, difference: Difference): Values => {
  if (!isList(difference)) return difference
  if (difference.length === 0) return before
  const keys = knownKeys(before)
  const now: Record<string, unknown> = { ...before }
  for (let i = 0; i < difference.length; i += 2)
    now[keys[Number(difference[i])]!] = difference[i + 1]
  keysOf.set(now, keys)
  return now
}

const isList = (difference: Difference): difference is ReadonlyArray<unknown> =>
  Array.isArray(difference)

/** An entry as records of plain values. */
interface Flat {
  readonly head: Omit<TrialHead, "cell" | "parameters"> &
    Omit<Entry, "trial" | "result" | "columns">
  readonly cell: TrialHead["cell"]
  readonly parameters: TrialHead["parameters"]
  /** Empty for a trial without a result. */
  readonly outcome: Partial<Omit<Result.Summary, "metrics" | "assignment" | "layers">>
  readonly metrics: Result.Summary["metrics"]
  readonly assignment: Result.Summary["assignment"]
  readonly columns: LayerColumns
}

const parts = ["head", "cell", "parameters", "outcome", "metrics", "assignment", "columns"] as const

const flat = ({ columns, result, trial, ...rest }: Entry): Flat => {
  const { cell, parameters, ...head } = trial
  const { assignment = {}, layers: _, metrics = {}, ...outcome } = result ?? {}
  return { head: { ...rest, ...head }, cell, parameters, outcome, metrics, assignment, columns }
}

const entryOf = ({
  assignment,
  cell,
  columns,
  head,
  metrics,
  outcome,
  parameters,
}: Flat): Entry => {
  const { costKind, endedSpool, labels, resultIdentity, trialIdentity, ...trial } = head
  const { attempt, finishedAt, id, seconds, state, steps, version: made, warnings } = outcome
  const isWhole =
    [attempt, finishedAt, seconds, steps].every(Number.isFinite) &&
    (state === "finished" || state === "failed") &&
    Array.isArray(warnings)
  const result = isWhole
    ? { ...outcome, attempt, finishedAt, id, seconds, state, steps, version: made, warnings }
    : undefined
  return {
    trial: { ...trial, cell, parameters },
    costKind,
    labels,
    trialIdentity,
    resultIdentity,
    endedSpool,
    columns,
    result:
      result === undefined
        ? undefined
        : resultWith({ ...result, metrics, assignment } as Omit<Result.Summary, "layers">, columns),
  }
}

const texts = ["id", "gridId", "name", "experiment", "costKind", "endedSpool", "labels"] as const

/** Whether a line that has the right checksum says what it should: a file may be anybody's. */
const isFlat = (found: object): found is Flat => {
  const values: Readonly<Record<string, Values>> = { ...found }
  const { assignment = {}, cell = {}, columns = {}, head = {} } = values
  const { metrics = {}, parameters = {} } = values
  return (
    texts.every((key) => typeof head[key] === "string") &&
    Number.isInteger(head["steps"]) &&
    [cell, parameters, columns].every((list) =>
      Object.values(list).every((value) => typeof value === "string"),
    ) &&
    Object.values(metrics).every(Number.isFinite) &&
    Object.values(assignment).every((value) => typeof value !== "object")
  )
}

/** The bytes of the file. */
export const encode = (entries: Iterable<Entry>): Uint8Array => {
  let before: Readonly<Record<string, Values>> = {}
  // Neighbours have most in common.
  const sorted = [...entries].sort(({ trial: a }, { trial: b }) =>
    a.gridId === b.gridId ? (a.id < b.id ? -1 : 1) : a.gridId < b.gridId ? -1 : 1,
  )
  const lines = sorted.map((entry) => {
    const now = flat(entry)
    const line = JSON.stringify(parts.map((part) => differenceOf(before[part] ?? {}, now[part])))
    before = { ...now }
    return `${line}\n`
  })
  const body = Buffer.from(lines.join(""))
  const head = JSON.stringify({ version, bytes: body.length, crc32: crc32(body) })
  return Buffer.concat([Buffer.from(`${head}\n`), body])
}

/** What a file holds, by ids; empty when it is none of this version, or not what was written. */
export const decode = (bytes: Buffer): Map<string, Entry> => {
  const found = new Map<string, Entry>()
  try {
    const start = bytes.indexOf(0x0a) + 1
    const body = bytes.subarray(start)
    const head = JSON.stringify({ version, bytes: body.length, crc32: crc32(body) })
    if (start === 0 || bytes.toString("utf8", 0, start) !== `${head}\n`) return found
    let before: Readonly<Record<string, Values>> = {}
    for (let at = 0; at < body.length;) {
      const end = body.indexOf(0x0a, at)
      const line = JSON.parse(body.toString("utf8", at, end)) as ReadonlyArray<Difference>
      const now = Object.fromEntries(
        parts.map((part, i) => [part, applied(before[part] ?? {}, line[i]!)]),
      )
      if (!isFlat(now)) return new Map()
      const entry = entryOf(now)
      found.set(entry.trial.id, entry)
      before = now
      at = end + 1
    }
    return found
  } catch {
    return new Map()
  }
}

/** The index of a folder; empty where there is none that can be used. */
export const read = (state: string): Map<string, Entry> => {
  try {
    return decode(readFileSync(`${state}/${fileName}`))
  } catch {
    return new Map()
  }
}
