/**
 * Checkpoints of earlier versions, `<step>-<attempt>.bin`: read, and no longer written.
 *
 *     0   8  magic "FLIQSCKP"
 *     8   4  version, 12: 4 length of the meta, 16: 8 length of the whole file (all little-endian)
 *     24 32  sha256 of everything else in the file: the 24 bytes before it and all after it
 *     56  .  meta as JSON, padded with spaces to a multiple of 8
 *         .  the tensors' float32 values, little-endian, one after the other
 */
import { Result, Schema } from "effect"
import { createHash } from "node:crypto"
import { Damaged } from "../disk/Errors.ts"
import { floatsOf } from "../train/Safetensors.ts"
import type { NamedTensor, Snapshot } from "../train/TrainEvent.ts"

const magic = new TextEncoder().encode("FLIQSCKP")
const digestAt = 24
const headerLength = 56

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

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** What is wrong with the bytes; undefined when they are as they were written. */
const damageOf = (bytes: Uint8Array): string | undefined => {
  if (bytes.length < headerLength) return `only ${bytes.length} bytes are there`
  if (magic.some((byte, i) => bytes[i] !== byte)) return "it is not a checkpoint"
  const length = viewOf(bytes).getBigUint64(16, true)
  if (length !== BigInt(bytes.length))
    return `${bytes.length} bytes are there, ${length} were written`
  const digest = createHash("sha256")
    .update(bytes.subarray(0, digestAt))
    .update(bytes.subarray(headerLength))
    .digest()
  return digest.some((byte, i) => bytes[digestAt + i] !== byte)
    ? "its checksum does not match"
    : undefined
}

/** What an earlier version wrote. */
interface EarlierCheckpoint extends Snapshot {
  readonly attempt: number
  readonly seconds: number
}

/** What an earlier version wrote, or why it cannot be used. */
export const decode = (bytes: Uint8Array): Result.Result<EarlierCheckpoint, Damaged> => {
  const damage = damageOf(bytes)
  if (damage !== undefined) return Result.fail(new Damaged({ message: damage }))
  const metaLength = viewOf(bytes).getUint32(12, true)
  const text = new TextDecoder().decode(bytes.subarray(headerLength, headerLength + metaLength))
  const { attempt, seconds, state, step, tensors: named } = decodeMeta(text)
  const tensors: Record<string, NamedTensor> = {}
  let at = headerLength + metaLength
  for (const { name, shape } of named) {
    const end = at + 4 * elements(shape)
    tensors[name] = { shape, values: floatsOf(bytes.subarray(at, end)) }
    at = end
  }
  return Result.succeed({ step, attempt, seconds, tensors, state })
}
