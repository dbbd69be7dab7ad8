/**
 * The .npy format of NumPy (numpy.org, "NEP 1, a simple file format for NumPy arrays"): a header with type and shape, then
 * the values.
 *
 * In here: a strict reader of numbers and of fixed-length strings. Left out: objects, which would run code; arrays in
 * Fortran order; archives of arrays (`NumpyFile.ts`).
 */
import { Result } from "effect"

export interface NumpyHeader {
  /** As NumPy spells it: `|u1`, `<f4`, `<U5`. */
  readonly type: string
  readonly shape: ReadonlyArray<number>
  /** Where the values begin. */
  readonly offset: number
}

export type NumpyValues =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array

/** A header is no longer than this. */
export const headerLimit = 65_536

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] // \x93NUMPY

export const countOf = (shape: ReadonlyArray<number>): number => shape.reduce((a, b) => a * b, 1)

/** The header at the start of a file: a Python literal with three keys; or what is wrong in words. */
export const parseHeader = (bytes: Uint8Array): Result.Result<NumpyHeader, string> => {
  if (bytes.length < 12 || magic.some((byte, i) => bytes[i] !== byte))
    return Result.fail("is no .npy array: it does not start with \\x93NUMPY")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const major = bytes[6]!
  if (major < 1 || major > 3)
    return Result.fail(`has version ${major} of the .npy format; 1, 2 and 3 are read`)
  const [start, length] =
    major === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)]
  if (length > headerLimit || start + length > bytes.length)
    return Result.fail(`is cut within its header of ${length} bytes`)
  const text = new TextDecoder("latin1").decode(bytes.subarray(start, start + length))
  const type = /['"]descr['"]\s*:\s*['"]([^'"]+)['"]/u.exec(text)?.[1]
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/u.exec(text)?.[1]
  const shape = /['"]shape['"]\s*:\s*\(([\d\s,L]*)\)/u.exec(text)?.[1]
  if (type === undefined)
    return Result.fail(
      "has several fields in one value (a structured array); plain numbers would be right",
    )
  if (order === undefined || shape === undefined)
    return Result.fail("has a header that cannot be read")
  if (order === "True")
    return Result.fail(
      "is in Fortran order; np.ascontiguousarray(array) before np.save would be right",
    )
  const sizes = shape
    .split(",")
    .map((size) => size.trim().replace(/L$/u, ""))
    .filter((size) => size !== "")
    .map(Number)
  return Result.succeed({ type, shape: sizes, offset: start + length })
}

/** Bytes of one value; undefined for a type that is not read. */
const itemBytes = (type: string): number | undefined => {
  if (/^[<>|=]?[iuf][1248]$/u.test(type)) return Number(type.at(-1))
  const text = /^[<>|=]?([US])(\d+)$/u.exec(type)
  return text === null ? undefined : Number(text[2]) * (text[1] === "U" ? 4 : 1)
}

const typeWords = (type: string): string =>
  type.includes("O")
    ? "Python objects, which are never loaded"
    : type.endsWith("b1")
      ? "booleans; array.astype(np.uint8) would be right"
      : `of type ${type}; integers, float16, float32 and float64 are read`

const halfToFloat = (half: number): number => {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** The values as little-endian bytes at an address that typed arrays can begin at. */
const alignedBytes = (bytes: Uint8Array, size: number, isBigEndian: boolean): Uint8Array => {
  if (!isBigEndian) return bytes.byteOffset % size === 0 ? bytes : bytes.slice()
  const swapped = bytes.slice()
  for (let i = 0; i < swapped.length; i += size) swapped.subarray(i, i + size).reverse()
  return swapped
}

const numbersOf = (kind: string, bytes: Uint8Array, count: number): NumpyValues => {
  const { buffer, byteOffset } = bytes
  switch (kind) {
    case "u1":
      return bytes
    case "i1":
      return new Int8Array(buffer, byteOffset, count)
    case "u2":
      return new Uint16Array(buffer, byteOffset, count)
    case "i2":
      return new Int16Array(buffer, byteOffset, count)
    case "u4":
      return new Uint32Array(buffer, byteOffset, count)
    case "i4":
      return new Int32Array(buffer, byteOffset, count)
    case "u8":
      return new BigUint64Array(buffer, byteOffset, count)
    case "i8":
      return new BigInt64Array(buffer, byteOffset, count)
    case "f2":
      return Float32Array.from(new Uint16Array(buffer, byteOffset, count), halfToFloat)
    case "f4":
      return new Float32Array(buffer, byteOffset, count)
    default:
      return new Float64Array(buffer, byteOffset, count)
  }
}

/** The values behind a header. */
const bodyOf = (
  file: Uint8Array,
  { offset, shape, type }: NumpyHeader,
): Result.Result<{ readonly body: Uint8Array; readonly size: number }, string> => {
  const size = itemBytes(type)
  if (size === undefined) return Result.fail(`is ${typeWords(type)}`)
  const wanted = countOf(shape) * size
  const body = file.subarray(offset)
  return body.length === wanted
    ? Result.succeed({ body, size })
    : Result.fail(
        `has ${body.length} bytes of values where its shape [${shape.join(", ")}] of ${type} promises ${wanted}`,
      )
}

/** What is wrong with a header for someone who needs numbers; undefined where nothing is. */
export const typeProblem = ({ type }: NumpyHeader): string | undefined =>
  /^[<>|=]?[iuf][1248]$/u.test(type) && !type.endsWith("f1") ? undefined : `is ${typeWords(type)}`

/** The numbers of a whole file, row-major; float16 comes as float32. Or what is wrong in words. */
export const parseNumbers = (
  file: Uint8Array,
): Result.Result<{ readonly header: NumpyHeader; readonly values: NumpyValues }, string> =>
  Result.flatMap(parseHeader(file), (header) => {
    const problem = typeProblem(header)
    if (problem !== undefined) return Result.fail(problem)
    return Result.map(bodyOf(file, header), ({ body, size }) => {
      const bytes = alignedBytes(body, size, header.type.startsWith(">"))
      return { header, values: numbersOf(header.type.slice(-2), bytes, countOf(header.shape)) }
    })
  })

/** The strings of a whole file of `<U` or `S`, or what is wrong in words. */
export const parseTexts = (file: Uint8Array): Result.Result<ReadonlyArray<string>, string> =>
  Result.flatMap(parseHeader(file), (header) => {
    const isUnicode = header.type.includes("U")
    if (!isUnicode && !header.type.includes("S"))
      return Result.fail(`is of type ${header.type}, not of strings`)
    return Result.map(bodyOf(file, header), ({ body, size }) => {
      const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
      return Array.from({ length: countOf(header.shape) }, (_, i) => {
        const units = Array.from({ length: isUnicode ? size / 4 : size }, (_, j) =>
          isUnicode
            ? view.getUint32(i * size + 4 * j, !header.type.startsWith(">"))
            : view.getUint8(i * size + j),
        )
        return String.fromCodePoint(...units).replace(/\0+$/u, "")
      })
    })
  })
