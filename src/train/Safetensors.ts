/**
 * Reads safetensors files: 8 bytes with the length of a header, the header as JSON, then the values.
 *
 *     { "stem.weight": { "dtype": "F32", "shape": [3, 3, 3, 16], "data_offsets": [0, 1728] }, "__metadata__": { ... } }
 *
 * A file may come from anywhere, so nothing in it is believed: the header's length, its JSON, types, shapes and offsets
 * are checked before a value is read, and tensors must fill the rest of the file without overlaps or gaps. F16 and BF16
 * become float32; values of other types stay unread. Left out: what the tensors are for (`Weights.ts`).
 */
import type { NamedTensor } from "./TrainEvent.ts"

export interface StoredTensor extends NamedTensor {
  /** The type of values that cannot be read; there are none then. */
  readonly unread?: string
}
export type Tensors = ReadonlyMap<string, StoredTensor>

const mostHeaderBytes = 10_000_000
const mostDimensions = 8

const fromHalf = (bits: number): number => {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

interface DType {
  readonly bytes: number
  /** Not there for types that float32 cannot hold, or that weights do not have. */
  readonly read?: (view: DataView, at: number) => number
}
const bits = new Uint32Array(1)
const float = new Float32Array(bits.buffer)
const dtypes: Readonly<Record<string, DType>> = {
  F32: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  F16: { bytes: 2, read: (view, at) => fromHalf(view.getUint16(at, true)) },
  BF16: {
    bytes: 2,
    read: (view, at) => {
      bits[0] = view.getUint16(at, true) << 16
      return float[0]!
    },
  },
  F64: { bytes: 8 },
  I64: { bytes: 8 },
  U64: { bytes: 8 },
  I32: { bytes: 4 },
  U32: { bytes: 4 },
  I16: { bytes: 2 },
  U16: { bytes: 2 },
  I8: { bytes: 1 },
  U8: { bytes: 1 },
  BOOL: { bytes: 1 },
  F8_E4M3: { bytes: 1 },
  F8_E5M2: { bytes: 1 },
}

interface Entry {
  readonly name: string
  readonly dtype: string
  readonly shape: ReadonlyArray<number>
  readonly begin: number
  readonly end: number
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0

/** An entry of the header, or what is wrong with it. */
const entryOf = (name: string, value: unknown): Entry | string => {
  const wrong = (what: string) => `tensor ${JSON.stringify(name.slice(0, 200))}: ${what}`
  if (typeof value !== "object" || value === null) return wrong("its entry is no object")
  const { data_offsets: offsets, dtype, shape } = value as Readonly<Record<string, unknown>>
  if (typeof dtype !== "string" || !Object.hasOwn(dtypes, dtype))
    return wrong(
      `its dtype is ${JSON.stringify(dtype)?.slice(0, 40)}; F32, F16 or BF16 can be read`,
    )
  if (!Array.isArray(shape) || shape.length > mostDimensions || !shape.every(isCount))
    return wrong(`its shape is no list of up to ${mostDimensions} counts`)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    return wrong("its data_offsets are no pair of counts")
  const [begin, end] = offsets as [number, number]
  const bytes = (shape as Array<number>).reduce((a, b) => a * b, dtypes[dtype]!.bytes)
  return end - begin === bytes
    ? { name, dtype, shape: shape as Array<number>, begin, end }
    : wrong(`its shape takes ${bytes} bytes, its data_offsets ${end - begin}`)
}

/** The entries in the order of their values, or what is wrong with the header. */
const entriesOf = (header: unknown, dataBytes: number): ReadonlyArray<Entry> | string => {
  if (typeof header !== "object" || header === null || Array.isArray(header))
    return "its header is no JSON object"
  const entries: Array<Entry> = []
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") continue
    const entry = entryOf(name, value)
    if (typeof entry === "string") return entry
    entries.push(entry)
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let at = 0
  for (const { name, begin, end } of entries) {
    if (begin !== at)
      return `tensor ${JSON.stringify(name)} begins at byte ${begin} of the values where ${at} would be right`
    at = end
  }
  return at === dataBytes ? entries : `its tensors take ${at} bytes, ${dataBytes} are there`
}

/** The tensors of a file, or why it cannot be read. */
export const readSafetensors = (file: Uint8Array): Tensors | string => {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (file.length < 8) return `only ${file.length} bytes are there; it is no safetensors file`
  const length = view.getBigUint64(0, true)
  if (length > BigInt(mostHeaderBytes) || length > BigInt(file.length - 8))
    return `its header would take ${length} bytes; it is cut short or no safetensors file`
  const start = 8 + Number(length)
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(file.subarray(8, start)))
  } catch {
    return "its header is no JSON; it is no safetensors file"
  }
  const entries = entriesOf(header, file.length - start)
  if (typeof entries === "string") return entries
  return new Map(
    entries.map(({ name, dtype, shape, begin, end }) => {
      const { bytes, read } = dtypes[dtype]!
      if (read === undefined) return [name, { shape, values: new Float32Array(0), unread: dtype }]
      const values = new Float32Array((end - begin) / bytes)
      for (let i = 0; i < values.length; i++) values[i] = read(view, start + begin + i * bytes)
      return [name, { shape, values }]
    }),
  )
}
