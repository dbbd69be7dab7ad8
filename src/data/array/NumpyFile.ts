/**
 * Files of NumPy arrays: .npy, one array, and .npz, a zip archive of such.
 *
 * In here: which arrays there are, by their headers, without reading the values; one of them whole. Zip archives are read by
 * fflate. Left out: what is in an array (`NumpyArray.ts`).
 */
import { readFileSync, readSync } from "node:fs"
import { Unzip, UnzipInflate, unzipSync } from "fflate"
import { Result } from "effect"
import { inWords, remembering, withOpen } from "../OpenFile.ts"
import { headerLimit, type NumpyHeader, parseHeader } from "./NumpyArray.ts"

/** Name -> header, or why it cannot be read; the one array of a .npy file has the name "". */
export type Listing = ReadonlyMap<string, Result.Result<NumpyHeader, string>>

/** More than this, all arrays of a file together, are not read. */
const maxBytes = 4 * 2 ** 30

const chunkBytes = 1 << 20

/** What `read` makes of an archive; what fflate throws is said of the archive. */
const unpacking = <A>(read: () => A): Result.Result<A, string> =>
  Result.mapError(
    Result.try(read),
    (error) =>
      `is no .npz archive that can be read (${error instanceof Error ? error.message : String(error)})`,
  )

const isZip = (start: Uint8Array): boolean => start[0] === 0x50 && start[1] === 0x4b

const arrayName = (entry: string): string => entry.replace(/\.npy$/u, "")

/** Collects the first bytes of every array, and stops taking in one of which enough is there. */
const zipListing = (chunks: Iterable<Uint8Array>): Listing => {
  const found = new Map<string, Result.Result<NumpyHeader, string>>()
  const unzip = new Unzip((file) => {
    if (!file.name.endsWith(".npy")) return
    const parts: Array<Uint8Array> = []
    let length = 0
    file.ondata = (error, data, isLast) => {
      const name = arrayName(file.name)
      if (error !== null) {
        found.set(name, Result.fail(`cannot be unpacked (${error.message})`))
        return
      }
      if (found.has(name)) return
      parts.push(data.slice(0, headerLimit))
      length += data.length
      const header = parseHeader(Buffer.concat(parts))
      if (Result.isSuccess(header) || isLast || length > headerLimit) found.set(name, header)
    }
    file.start()
  })
  unzip.register(UnzipInflate)
  for (const chunk of chunks) unzip.push(chunk)
  unzip.push(new Uint8Array(0), true)
  return found
}

function* chunksOf(file: number, first: Uint8Array): Iterable<Uint8Array> {
  yield first
  for (;;) {
    const chunk = new Uint8Array(chunkBytes)
    const length = readSync(file, chunk)
    if (length === 0) return
    yield chunk.subarray(0, length)
  }
}

const listOpen = (file: number, size: number): Result.Result<Listing, string> => {
  if (size > maxBytes) return Result.fail(`is larger than ${maxBytes / 2 ** 30} GiB`)
  const first = new Uint8Array(chunkBytes)
  const start = first.subarray(0, readSync(file, first))
  if (!isZip(start)) return Result.succeed(new Map([["", parseHeader(start)]]))
  return Result.flatMap(
    unpacking(() => zipListing(chunksOf(file, start))),
    (listing) =>
      listing.size === 0
        ? Result.fail("is an archive without arrays (NAME.npy)")
        : Result.succeed(listing),
  )
}

const remembered = remembering<Result.Result<Listing, string>>()

/** The arrays of a regular file by their headers; or why it has none. An archive is unpacked for it, once. */
export const listArrays = (path: string): Result.Result<Listing, string> =>
  remembered([path], [path], () =>
    Result.flatMap(
      inWords(() => withOpen(path, listOpen)),
      (listing) => listing,
    ),
  )

/** The bytes of the arrays of these names; those that are not there are left out. Or why the file cannot be read. */
export const readArrays = (
  path: string,
  names: ReadonlyArray<string>,
): Result.Result<ReadonlyMap<string, Uint8Array>, string> =>
  Result.flatMap(
    inWords(() => readFileSync(path)),
    (bytes) => {
      if (!isZip(bytes)) return Result.succeed(new Map([["", bytes]]))
      let total = 0
      return Result.map(
        unpacking(() =>
          unzipSync(bytes, {
            filter: ({ name, originalSize }) => {
              if (!name.endsWith(".npy") || !names.includes(arrayName(name))) return false
              total += originalSize
              if (total > maxBytes)
                throw new Error(`its arrays are larger than ${maxBytes / 2 ** 30} GiB`)
              return true
            },
          }),
        ),
        (entries) =>
          new Map(Object.entries(entries).map(([name, value]) => [arrayName(name), value])),
      )
    },
  )
