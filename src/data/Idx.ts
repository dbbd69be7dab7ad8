/**
 * The IDX format of MNIST: a magic number, dimensions, bytes (big-endian; http://yann.lecun.com/exdb/mnist).
 *
 * In here: a strict reader of unsigned bytes, plain or gzipped, that never allocates more than the caller allows. Left
 * out: the other element types of IDX, which no image set here uses; which files make a data set (`IdxDataset.ts`).
 */
import { gunzipSync } from "node:zlib"
import { Result } from "effect"

export interface Idx {
  readonly dimensions: ReadonlyArray<number>
  /** Row-major; a view of the input where it was not gzipped. */
  readonly values: Uint8Array
}

/** 0x1f8b at the start, as gzip has it and IDX never. */
const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

const inflate = (bytes: Uint8Array, maxBytes: number): Result.Result<Uint8Array, string> =>
  Result.try({
    try: () => gunzipSync(bytes, { maxOutputLength: maxBytes }),
    catch: (error) =>
      error instanceof RangeError
        ? `unpacks to more than the ${maxBytes} bytes it should have`
        : `cannot be unpacked (${error instanceof Error ? error.message : String(error)})`,
  })

/**
 * Reads an IDX file of unsigned bytes that must have exactly these dimensions.
 *
 * @returns the values, or what is wrong in words (a file that is cut, too long, of another type, rank or size)
 */
export const parse = (
  file: Uint8Array,
  expected: ReadonlyArray<number>,
): Result.Result<Idx, string> => {
  const header = 4 + 4 * expected.length
  const size = header + expected.reduce((product, n) => product * n, 1)
  return Result.flatMap(
    isGzip(file) ? inflate(file, size) : Result.succeed(file),
    (bytes): Result.Result<Idx, string> => {
      if (bytes.length < header)
        return Result.fail(`${bytes.length} bytes are too short for an IDX header of ${header}`)
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const magic = view.getUint32(0)
      const wanted = 0x0800 + expected.length
      if (magic !== wanted)
        return Result.fail(
          `starts with 0x${magic.toString(16).padStart(8, "0")}, not with 0x${wanted.toString(16).padStart(8, "0")} (IDX, unsigned bytes, ${expected.length} dimensions)`,
        )
      const dimensions = expected.map((_, i) => view.getUint32(4 + 4 * i))
      if (dimensions.some((n, i) => n !== expected[i]))
        return Result.fail(
          `says ${dimensions.join(" x ")} values where ${expected.join(" x ")} belong`,
        )
      if (bytes.length !== size)
        return Result.fail(`has ${bytes.length} bytes where its header promises ${size}`)
      return Result.succeed({ dimensions, values: bytes.subarray(header) })
    },
  )
}

/** What is wrong with labels, or undefined: each must be below `classes`. */
export const labelProblem = (labels: Uint8Array, classes: number): string | undefined => {
  const at = labels.findIndex((label) => label >= classes)
  return at < 0 ? undefined : `label ${labels[at]} of image ${at} is not one of 0 .. ${classes - 1}`
}
