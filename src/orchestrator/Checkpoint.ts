/**
 * A trial's saved state: `<step>-<attempt>.bin`, the newest two kept.
 *
 *     0   8  magic "FLIQSCKP"
 *     8   4  version, 12: 4 length of the meta, 16: 8 length of the whole file (all little-endian)
 *     24 32  sha256 of everything else in the file: the 24 bytes before it and all after it
 *     56  .  meta as JSON, padded with spaces to a multiple of 8
 *         .  the tensors' float32 values, little-endian, one after the other
 *
 * Magic, version, length and digest keep their place in every version, so that a torn or flipped file is told from
 * one that a newer fliqs wrote. Left out: which arrays a trial needs (`train/`).
 */
import { Effect, FileSystem, Schema } from "effect"
import { createHash } from "node:crypto"
import { pathText } from "../declaration/Errors.ts"
import type { NamedTensor, Snapshot } from "../train/TrainEvent.ts"
import * as Durable from "../disk/Durable.ts"
import { Damaged, NewerVersion, StorageError } from "../disk/Errors.ts"
import { stored } from "../disk/Patience.ts"

export const version = 1
const magic = new TextEncoder().encode("FLIQSCKP")
const digestAt = 24
const headerLength = 56
const kept = 2

/** A snapshot with what the orchestrator adds to it. */
export interface Checkpoint extends Snapshot {
  readonly attempt: number
  /** Seconds of training so far, all attempts together. */
  readonly seconds: number
}

const Meta = Schema.fromJsonString(
  Schema.Struct({
    step: Schema.Int,
    attempt: Schema.Int,
    seconds: Schema.Finite,
    tensors: Schema.Array(
      Schema.Struct({ name: Schema.String, shape: Schema.Array(Schema.Natural) }),
    ),
    state: Schema.Unknown,
  }),
)
const decodeMeta = Schema.decodeUnknownSync(Meta)

const elements = (shape: ReadonlyArray<number>): number => shape.reduce((a, b) => a * b, 1)

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

const floatBytes = (values: Float32Array): Uint8Array => {
  if (isLittleEndian) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const view = new DataView(new ArrayBuffer(values.byteLength))
  values.forEach((value, i) => view.setFloat32(4 * i, value, true))
  return new Uint8Array(view.buffer)
}

const bytesFloat = (bytes: Uint8Array): Float32Array => {
  if (isLittleEndian) return new Float32Array(new Uint8Array(bytes).buffer)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true))
}

/** The parts of the file, in order. Throws when a tensor's shape and values disagree (a broken invariant). */
export const encode = (checkpoint: Checkpoint): ReadonlyArray<Uint8Array> => {
  const tensors = Object.entries(checkpoint.tensors)
  for (const [name, tensor] of tensors)
    if (elements(tensor.shape) !== tensor.values.length)
      throw new Error(`tensor ${name}: ${tensor.values.length} values, shape [${tensor.shape}]`)
  const json = JSON.stringify({
    step: checkpoint.step,
    attempt: checkpoint.attempt,
    seconds: checkpoint.seconds,
    tensors: tensors.map(([name, tensor]) => ({ name, shape: tensor.shape })),
    state: checkpoint.state ?? null,
  })
  const bare = new TextEncoder().encode(json)
  const meta = new Uint8Array(Math.ceil(bare.length / 8) * 8).fill(0x20)
  meta.set(bare)
  const body = [meta, ...tensors.map(([, tensor]) => floatBytes(tensor.values))]
  const header = new Uint8Array(headerLength)
  const view = new DataView(header.buffer)
  header.set(magic)
  view.setUint32(8, version, true)
  view.setUint32(12, meta.length, true)
  const length = body.reduce((sum, part) => sum + part.length, headerLength)
  view.setBigUint64(16, BigInt(length), true)
  const hash = createHash("sha256").update(header.subarray(0, digestAt))
  for (const part of body) hash.update(part)
  header.set(hash.digest(), digestAt)
  return [header, ...body]
}

const reasonOf = (bytes: Uint8Array): Damaged | NewerVersion | undefined => {
  const corrupt = (message: string) => new Damaged({ message })
  if (bytes.length < headerLength) return corrupt(`only ${bytes.length} bytes are there`)
  if (magic.some((byte, i) => bytes[i] !== byte)) return corrupt("it is not a checkpoint")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = view.getBigUint64(16, true)
  if (length !== BigInt(bytes.length))
    return corrupt(`${bytes.length} bytes are there, ${length} were written`)
  const digest = createHash("sha256")
    .update(bytes.subarray(0, digestAt))
    .update(bytes.subarray(headerLength))
    .digest()
  if (digest.some((byte, i) => bytes[digestAt + i] !== byte))
    return corrupt("its checksum does not match")
  const found = view.getUint32(8, true)
  if (found > version)
    return new NewerVersion({
      message: `it has version ${found}, this fliqs knows up to ${version}`,
      found,
      known: version,
    })
  return undefined
}

/** What `encode` wrote, or why it cannot be used. */
export const decode = (bytes: Uint8Array): Checkpoint | Damaged | NewerVersion => {
  const reason = reasonOf(bytes)
  if (reason !== undefined) return reason
  const metaLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(12, true)
  const text = new TextDecoder().decode(bytes.subarray(headerLength, headerLength + metaLength))
  const meta = decodeMeta(text)
  const tensors: Record<string, NamedTensor> = {}
  let at = headerLength + metaLength
  for (const { name, shape } of meta.tensors) {
    const end = at + 4 * elements(shape)
    tensors[name] = { shape, values: bytesFloat(bytes.subarray(at, end)) }
    at = end
  }
  return { ...meta, tensors }
}

interface Entry {
  readonly path: string
  readonly step: number
  readonly attempt: number
}

const namePattern = /^(\d+)-(\d+)\.bin$/

/** The checkpoints in a folder, newest first. */
export const list = Effect.fnUntraced(
  function* (folder: string) {
    const fs = yield* FileSystem.FileSystem
    const found: Array<Entry> = []
    for (const name of yield* fs.readDirectory(folder)) {
      const match = namePattern.exec(name)
      if (match !== null)
        found.push({
          path: `${folder}/${name}`,
          step: Number(match[1]),
          attempt: Number(match[2]),
        })
    }
    return found.sort((a, b) => b.step - a.step || b.attempt - a.attempt)
  },
  (effect, folder) => effect.pipe(stored("list", folder)),
)

/** Saves a checkpoint; when this returns, it survives. Older ones than the newest two go. */
export const write = Effect.fnUntraced(function* (folder: string, checkpoint: Checkpoint) {
  const fs = yield* FileSystem.FileSystem
  const path = `${folder}/${checkpoint.step}-${checkpoint.attempt}.bin`
  yield* Durable.replace(path, encode(checkpoint))
  for (const old of (yield* list(folder)).slice(kept))
    yield* fs.remove(old.path, { force: true }).pipe(stored("remove", old.path))
})

/**
 * The newest checkpoint that is whole, or undefined. A corrupt one is passed over with a warning and the one before it
 * is taken; who goes on from here puts it aside (`.corrupt`). One of a newer version fails: going on from an older one
 * would quietly lose work.
 */
export const readNewest = Effect.fnUntraced(function* (
  folder: string,
  corrupt: "leave" | "setAside",
) {
  const fs = yield* FileSystem.FileSystem
  for (const { path } of yield* list(folder)) {
    const bytes = yield* fs.readFile(path).pipe(
      // A newer attempt, still at work, may have removed it since it was listed.
      Effect.catchIf(
        (error) => error.reason._tag === "NotFound",
        () => Effect.undefined,
      ),
      stored("read", path),
    )
    if (bytes === undefined) continue
    const read = decode(bytes)
    if (!("_tag" in read)) return read
    if (read._tag === "NewerVersion")
      return yield* new StorageError({ operation: "read", path, reason: read })
    yield* Effect.logWarning(
      `${pathText(path)} is corrupt (${read.message}); going on from the one before`,
    )
    if (corrupt === "setAside")
      yield* fs.rename(path, `${path}.corrupt`).pipe(stored("rename", path))
  }
  return undefined
})
