/**
 * The container for tensors on disk: the safetensors format, which Python's `safetensors` opens too.
 *
 *     8 bytes   length of the header, little-endian
 *     header    { "__metadata__": { "checksum": "sha256:...", ... },
 *                 "stem.weight": { "dtype": "F32", "shape": [3, 3, 3, 16], "data_offsets": [0, 1728] }, ... } as JSON
 *     values    one tensor after the other, without gaps
 *
 * A file may come from anywhere, so nothing in it is believed: the header's length, its JSON, types, shapes and offsets
 * are checked before a value is read, and tensors must fill the rest of the file without overlaps or gaps.
 *
 * The format has no checksum. Files of ours carry one as the first metadata value: the SHA-256 of the whole file in which
 * the 64 digits of the checksum itself are zeros. It stands at the same byte of every file, so it is checked before
 * anything else is parsed. Left out: what the tensors are for, and the numbers in them (`train/Safetensors.ts`).
 */
import { createHash } from "node:crypto"
import { Result } from "effect"

/** Bytes of one value of each type. */
const dtypes = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
} as const
export type DType = keyof typeof dtypes

/** One tensor of a file. */
export interface Part {
  readonly name: string
  readonly dtype: DType
  readonly shape: ReadonlyArray<number>
  /** Its values, little-endian, in row-major order. */
  readonly bytes: Uint8Array
}

export type Metadata = Readonly<Record<string, string>>

/** What a file holds. */
export interface Container {
  readonly metadata: Metadata
  /** In the order of their values. The bytes are views into the file. */
  readonly parts: ReadonlyArray<Part>
}

/** The limit of the format's reference reader. */
const mostHeaderBytes = 100_000_000
const mostDimensions = 8
const lengthBytes = 8
/** Values begin at a multiple of so many bytes. */
const alignment = 8

const digits = 64
const checksumKey = "checksum"
const zeros = "0".repeat(digits)
const zeroBytes = new TextEncoder().encode(zeros)
/** What a header of ours begins with, up to the digits of the checksum. */
const prefix = new TextEncoder().encode(`{"__metadata__":{"${checksumKey}":"sha256:`)
const checksumAt = lengthBytes + prefix.length
const afterChecksum = checksumAt + digits

const product = (shape: ReadonlyArray<number>, first: number): number =>
  shape.reduce((a, b) => a * b, first)

/** An object with its keys in this order; JavaScript would put those that are whole numbers first. */
const inOrder = (pairs: ReadonlyArray<readonly [string, string]>): string =>
  `{${pairs.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(",")}}`

/** The header with zeros for the checksum, padded with spaces. */
const headerOf = (parts: ReadonlyArray<Part>, metadata: Metadata): Uint8Array => {
  let at = 0
  const entries = parts.map(({ bytes, dtype, name, shape }) => {
    if (product(shape, dtypes[dtype]) !== bytes.length)
      throw new Error(`tensor ${name}: ${bytes.length} bytes, ${dtype} of shape [${shape}]`)
    const data_offsets = [at, (at += bytes.length)]
    return [name, JSON.stringify({ dtype, shape, data_offsets })] as const
  })
  const texts = [[checksumKey, `sha256:${zeros}`] as const, ...Object.entries(metadata)]
  const ours = inOrder(texts.map(([key, text]) => [key, JSON.stringify(text)]))
  const bare = new TextEncoder().encode(inOrder([["__metadata__", ours], ...entries]))
  const padded = new Uint8Array(Math.ceil(bare.length / alignment) * alignment).fill(0x20)
  if (padded.length > mostHeaderBytes)
    throw new Error(`a header of ${padded.length} bytes: readers take up to ${mostHeaderBytes}`)
  padded.set(bare)
  return padded
}

/**
 * The parts of a file, in order, with the checksum filled in.
 *
 * @throws Error when a tensor's shape and bytes disagree, or the header is too long (broken invariants).
 */
export const encode = (
  parts: ReadonlyArray<Part>,
  metadata: Metadata = {},
): ReadonlyArray<Uint8Array> => {
  const header = headerOf(parts, metadata)
  const head = new Uint8Array(lengthBytes + header.length)
  new DataView(head.buffer).setBigUint64(0, BigInt(header.length), true)
  head.set(header, lengthBytes)
  const hash = createHash("sha256").update(head)
  for (const { bytes } of parts) hash.update(bytes)
  head.set(new TextEncoder().encode(hash.digest("hex")), checksumAt)
  return [head, ...parts.map(({ bytes }) => bytes)]
}

/** Whether a file of ours is as it was written; "none" for a file that has no checksum where ours have it. */
export const checksum = (file: Uint8Array): "right" | "wrong" | "none" => {
  if (prefix.some((byte, i) => file[lengthBytes + i] !== byte)) return "none"
  const digest = createHash("sha256")
    .update(file.subarray(0, checksumAt))
    .update(zeroBytes)
    .update(file.subarray(afterChecksum))
    .digest("hex")
  const found = new TextDecoder("latin1").decode(file.subarray(checksumAt, afterChecksum))
  return found === digest ? "right" : "wrong"
}

interface Entry {
  readonly name: string
  readonly dtype: DType
  readonly shape: ReadonlyArray<number>
  readonly begin: number
  readonly end: number
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0

const isCounts = (value: unknown): value is ReadonlyArray<number> =>
  Array.isArray(value) && value.every(isCount)

const isDType = (value: unknown): value is DType =>
  typeof value === "string" && Object.hasOwn(dtypes, value)

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** An entry of the header, or what is wrong with it. */
const entryOf = (name: string, value: unknown): Result.Result<Entry, string> => {
  const wrong = (what: string) =>
    Result.fail(`tensor ${JSON.stringify(name.slice(0, 200))}: ${what}`)
  if (!isObject(value)) return wrong("its entry is no object")
  const { data_offsets: offsets, dtype, shape } = value
  if (!isDType(dtype))
    return wrong(
      `its dtype is ${JSON.stringify(dtype)?.slice(0, 40)}; F32, F16 or BF16 can be read`,
    )
  if (!isCounts(shape) || shape.length > mostDimensions)
    return wrong(`its shape is no list of up to ${mostDimensions} counts`)
  if (!isCounts(offsets) || offsets.length !== 2)
    return wrong("its data_offsets are no pair of counts")
  const [begin, end] = offsets as readonly [number, number]
  const bytes = product(shape, dtypes[dtype])
  return end - begin === bytes
    ? Result.succeed({ name, dtype, shape, begin, end })
    : wrong(`its shape takes ${bytes} bytes, its data_offsets ${end - begin}`)
}

/** The entries in the order of their values, or what is wrong with the header. */
const entriesOf = (
  header: Readonly<Record<string, unknown>>,
  dataBytes: number,
): Result.Result<ReadonlyArray<Entry>, string> => {
  const entries: Array<Entry> = []
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") continue
    const entry = entryOf(name, value)
    if (Result.isFailure(entry)) return Result.fail(entry.failure)
    entries.push(entry.success)
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let at = 0
  for (const { name, begin, end } of entries) {
    if (begin !== at)
      return Result.fail(
        `tensor ${JSON.stringify(name)} begins at byte ${begin} of the values where ${at} would be right`,
      )
    at = end
  }
  return at === dataBytes
    ? Result.succeed(entries)
    : Result.fail(`its tensors take ${at} bytes, ${dataBytes} are there`)
}

/** The values that are texts, as the format has them; whatever else is there is left out. */
const metadataOf = (header: Readonly<Record<string, unknown>>): Metadata => {
  const found = header["__metadata__"]
  if (!isObject(found)) return {}
  return Object.fromEntries(
    Object.entries(found).filter((pair): pair is [string, string] => typeof pair[1] === "string"),
  )
}

const parseHeader = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}

/** What a file holds, or why it cannot be read. A checksum is not looked at: see `checksum`. */
export const decode = (file: Uint8Array): Result.Result<Container, string> => {
  if (file.length < lengthBytes)
    return Result.fail(`only ${file.length} bytes are there; it is no safetensors file`)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const length = view.getBigUint64(0, true)
  if (length > BigInt(mostHeaderBytes) || length > BigInt(file.length - lengthBytes))
    return Result.fail(
      `its header would take ${length} bytes; it is cut short or no safetensors file`,
    )
  const start = lengthBytes + Number(length)
  const header = parseHeader(file.subarray(lengthBytes, start))
  if (header === undefined) return Result.fail("its header is no JSON; it is no safetensors file")
  if (!isObject(header)) return Result.fail("its header is no JSON object")
  return Result.map(entriesOf(header, file.length - start), (entries) => ({
    metadata: metadataOf(header),
    parts: entries.map(({ begin, dtype, end, name, shape }) => ({
      name,
      dtype,
      shape,
      bytes: file.subarray(start + begin, start + end),
    })),
  }))
}
