/**
 * A trial's saved state: `<step>-<attempt>.safetensors`, the newest two kept. The tensors are float32; step, attempt,
 * seconds and, as JSON, everything else that the trial needs to go on are in the metadata of the file. Left out: the
 * container with its checksum (`disk/TensorFile.ts`), which arrays a trial needs (`train/`), the format of earlier
 * versions (`EarlierCheckpoint.ts`).
 */
import { Effect, FileSystem, Result, Schema } from "effect"
import { pathText, printable } from "../declaration/Errors.ts"
import { floatPart, tensorsOf } from "../train/Safetensors.ts"
import type { Snapshot } from "../train/TrainEvent.ts"
import * as Durable from "../disk/Durable.ts"
import { Damaged, NewerVersion, StorageError } from "../disk/Errors.ts"
import { stored } from "../disk/Patience.ts"
import * as RegularFile from "../disk/RegularFile.ts"
import * as Container from "../disk/TensorFile.ts"
import * as Earlier from "./EarlierCheckpoint.ts"

/** Version 1 is the format of `EarlierCheckpoint.ts`. */
export const version = 2
const kept = 2

/** A snapshot with what the orchestrator adds to it. */
export interface Checkpoint extends Snapshot {
  /** The id of its trial; earlier versions did not write it. */
  readonly trial?: string
  readonly attempt: number
  /** Seconds of training so far, all attempts together. */
  readonly seconds: number
}

/** Values of metadata are texts. */
const NumberText = Schema.fromJsonString(Schema.Finite)
const Meta = Schema.Struct({
  trial: Schema.optionalKey(Schema.String),
  step: Schema.fromJsonString(Schema.Int),
  attempt: Schema.fromJsonString(Schema.Int),
  seconds: NumberText,
  state: Schema.fromJsonString(Schema.Unknown),
})
const decodeMeta = Schema.decodeUnknownOption(Meta)

/** The parts of the file, in order. Throws when a tensor's shape and values disagree (a broken invariant). */
export const encode = (checkpoint: Checkpoint): ReadonlyArray<Uint8Array> => {
  const { attempt, seconds, state, step, tensors, trial } = checkpoint
  const parts = Object.entries(tensors).map(([name, tensor]) => floatPart(name, tensor))
  return Container.encode(parts, {
    kind: "fliqs checkpoint",
    version: String(version),
    ...(trial === undefined ? {} : { trial }),
    step: String(step),
    attempt: String(attempt),
    seconds: String(seconds),
    state: JSON.stringify(state ?? null),
  })
}

/** What `encode` wrote, or why it cannot be used. */
export const decode = (bytes: Uint8Array): Result.Result<Checkpoint, Damaged | NewerVersion> => {
  const damaged = (message: string) => Result.fail(new Damaged({ message }))
  const container = Container.decode(bytes)
  if (Result.isFailure(container)) return damaged(container.failure)
  const sum = Container.checksum(bytes)
  if (sum !== "right")
    return damaged(sum === "wrong" ? "its checksum does not match" : "it is not a checkpoint")
  const { metadata } = container.success
  const found = Number(metadata["version"])
  if (found > version)
    return Result.fail(
      new NewerVersion({
        message: `it has version ${found}, this fliqs knows up to ${version}`,
        found,
        known: version,
      }),
    )
  const meta = decodeMeta(metadata)
  return meta._tag === "None"
    ? damaged("it is not a checkpoint")
    : Result.succeed({
        ...meta.value,
        tensors: Object.fromEntries(tensorsOf(container.success)),
      })
}

interface Entry {
  readonly path: string
  readonly step: number
  readonly attempt: number
}

/** `.bin`: of earlier versions. */
const namePattern = /^(\d+)-(\d+)\.(?:safetensors|bin)$/

/** Of an attempt that went on from `<step>-<attempt>`: an empty file `<its attempt>.from.<step>`. */
const originPattern = /^(\d+)\.from\.(\d+)$/

/**
 * The checkpoints in a folder, newest first. One that an earlier attempt has written after a newer one went on (it was
 * frozen for a while) is left out: the newer one has reported other steps since.
 */
export const list = Effect.fnUntraced(
  function* (folder: string) {
    const fs = yield* FileSystem.FileSystem
    const found: Array<Entry> = []
    let origin = { attempt: -1, step: 0 }
    for (const name of yield* fs.readDirectory(folder)) {
      const began = originPattern.exec(name)
      if (began !== null && Number(began[1]) > origin.attempt)
        origin = { attempt: Number(began[1]), step: Number(began[2]) }
      const match = namePattern.exec(name)
      if (match !== null)
        found.push({
          path: `${folder}/${name}`,
          step: Number(match[1]),
          attempt: Number(match[2]),
        })
    }
    const { attempt, step } = origin
    return found
      .filter((entry) => entry.attempt >= attempt || entry.step <= step)
      .sort((a, b) => b.step - a.step || b.attempt - a.attempt)
  },
  (effect, folder) => effect.pipe(stored("list", folder)),
)

/** Notes where an attempt goes on from: step 0 is the beginning. */
export const noteOrigin = (folder: string, attempt: number, step: number) =>
  Durable.replace(`${folder}/${attempt}.from.${step}`, [])

/** Saves a checkpoint; when this returns, it survives. Older ones than the newest two go. */
export const write = Effect.fnUntraced(function* (
  folder: string,
  checkpoint: Checkpoint,
  options: Durable.Options = {},
) {
  const fs = yield* FileSystem.FileSystem
  const path = `${folder}/${checkpoint.step}-${checkpoint.attempt}.safetensors`
  yield* Durable.replace(path, encode(checkpoint), options)
  for (const old of (yield* list(folder)).slice(kept))
    yield* fs.remove(old.path, { force: true }).pipe(stored("remove", old.path))
})

/**
 * The newest checkpoint of the trial `id` that is whole, or undefined. A corrupt one, or one of another trial, is passed over
 * with a warning and the one before it is taken; who goes on from here puts it aside (`.corrupt`). One of a newer version fails: going on from an older one
 * would quietly lose work.
 */
export const readNewest = Effect.fnUntraced(function* (
  folder: string,
  corrupt: "leave" | "setAside",
  id?: string,
) {
  const fs = yield* FileSystem.FileSystem
  for (const { path } of yield* list(folder)) {
    const isFile = yield* Effect.result(RegularFile.exists(path))
    if (isFile._tag === "Failure") {
      yield* Effect.logWarning(`${isFile.failure.message}; going on from the one before`)
      continue
    }
    const bytes = yield* fs.readFile(path).pipe(
      // A newer attempt, still at work, may have removed it since it was listed.
      Effect.catchIf(
        (error) => error.reason._tag === "NotFound",
        () => Effect.undefined,
      ),
      stored("read", path),
    )
    if (bytes === undefined) continue
    const read: Result.Result<Checkpoint, Damaged | NewerVersion> = path.endsWith(".bin")
      ? Earlier.decode(bytes)
      : decode(bytes)
    const other = Result.isSuccess(read) ? read.success.trial : undefined
    const isOurs = other === undefined || id === undefined || other === id
    if (Result.isSuccess(read) && isOurs) return read.success
    const reason = Result.isSuccess(read)
      ? new Damaged({ message: `it is of trial ${printable(other ?? "")}` })
      : read.failure
    if (reason._tag === "NewerVersion")
      return yield* new StorageError({ operation: "read", path, reason })
    yield* Effect.logWarning(
      `${pathText(path)} cannot be used (${reason.message}); going on from the one before`,
    )
    if (corrupt === "setAside")
      yield* fs.rename(path, `${path}.corrupt`).pipe(stored("rename", path))
  }
  return undefined
})
