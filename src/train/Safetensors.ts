/**
 * The numbers in a safetensors file. F32, F16 and BF16 become float32; values of other types stay unread. Left out: the
 * container (`disk/TensorFile.ts`), what the tensors are for (`Weights.ts`).
 */
import { Result } from "effect"
import * as Container from "../disk/TensorFile.ts"
import type { NamedTensor } from "./TrainEvent.ts"

export interface StoredTensor extends NamedTensor {
  /** The type of values that cannot be read; there are none then. */
  readonly unread?: string
}
export type Tensors = ReadonlyMap<string, StoredTensor>

const fromHalf = (bits: number): number => {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const bits = new Uint32Array(1)
const float = new Float32Array(bits.buffer)
const fromBrain = (half: number): number => {
  bits[0] = half << 16
  return float[0]!
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Float32 values as a file holds them. */
export const floatBytes = (values: Float32Array): Uint8Array => {
  if (isLittleEndian) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const view = new DataView(new ArrayBuffer(values.byteLength))
  values.forEach((value, i) => view.setFloat32(4 * i, value, true))
  return new Uint8Array(view.buffer)
}

/** A float32 tensor as a part of a file. */
export const floatPart = (name: string, { shape, values }: NamedTensor): Container.Part => ({
  name,
  dtype: "F32",
  shape,
  bytes: floatBytes(values),
})

/** The float32 values that a file holds, copied out of it. */
export const floatsOf = (bytes: Uint8Array): Float32Array => {
  if (isLittleEndian) return new Float32Array(new Uint8Array(bytes).buffer)
  const view = viewOf(bytes)
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true))
}

const halvesOf = (bytes: Uint8Array, toFloat: (half: number) => number): Float32Array => {
  const view = viewOf(bytes)
  const values = new Float32Array(bytes.length / 2)
  for (let i = 0; i < values.length; i++) values[i] = toFloat(view.getUint16(2 * i, true))
  return values
}

/** The values of a tensor; undefined for types that float32 cannot hold, or that weights do not have. */
const valuesOf = ({ bytes, dtype }: Container.Part): Float32Array | undefined => {
  if (dtype === "F32") return floatsOf(bytes)
  if (dtype === "F16") return halvesOf(bytes, fromHalf)
  if (dtype === "BF16") return halvesOf(bytes, fromBrain)
  return undefined
}

/** The tensors of a container that was read. */
export const tensorsOf = ({ parts }: Container.Container): Tensors =>
  new Map(
    parts.map((part) => {
      const values = valuesOf(part)
      const { dtype, name, shape } = part
      return values === undefined
        ? [name, { shape, values: new Float32Array(0), unread: dtype }]
        : [name, { shape, values }]
    }),
  )

/** The tensors of a file, or why it cannot be read. */
export const readSafetensors = (file: Uint8Array): Result.Result<Tensors, string> =>
  Result.map(Container.decode(file), tensorsOf)
