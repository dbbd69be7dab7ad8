/**
 * What lies where in a tar archive: names, places and sizes of its regular files, without reading their contents.
 *
 * Headers are decoded by the package `tar`: ustar, pax and GNU's long names. Left out: compressed archives, in which no
 * file can be read without all before it; sparse files.
 */
import type { Result } from "effect"
import { Header, Pax } from "tar"
import { inWords, readAt, withOpen } from "../OpenFile.ts"

export interface TarEntry {
  readonly name: string
  readonly offset: number
  readonly size: number
}

const block = 512
/** Long names and pax headers are no longer than this. */
const maxMeta = 1 << 20

const padded = (size: number): number => Math.ceil(size / block) * block

/** What the headers before an entry say of it. */
type Said = ConstructorParameters<typeof Header>[2]

/** Undefined where the bytes are none at all. */
const headerOf = (bytes: Buffer, said: Said): Header | undefined => {
  try {
    return new Header(bytes, 0, said)
  } catch {
    return undefined
  }
}

/** The entries of an open archive; throws an Error that says what is wrong. */
const readEntries = (descriptor: number, total: number): ReadonlyArray<TarEntry> => {
  const entries: Array<TarEntry> = []
  let said: Said
  let longName: string | undefined
  for (let at = 0; at + block <= total;) {
    const bytes = readAt(descriptor, at, block)
    const header = headerOf(bytes, said)
    if (header?.nullBlock === true) break
    if (header?.cksumValid !== true)
      throw new Error(
        at === 0
          ? "is no tar archive (a compressed one is not read; tar without -z would be right)"
          : `is damaged at byte ${at}`,
      )
    const size = header.size ?? 0
    const offset = at + block
    if (offset + size > total)
      throw new Error(`is cut short: ${header.path ?? "an entry"} ends behind it`)
    const isMeta = header.type === "ExtendedHeader" || header.type === "NextFileHasLongPath"
    if (isMeta) {
      if (size > maxMeta) throw new Error(`has a header of ${size} bytes at byte ${at}`)
      const text = readAt(descriptor, offset, size).toString("utf8")
      if (header.type === "ExtendedHeader") said = Pax.parse(text, said)
      else longName = text.replace(/\0.*$/su, "")
    } else {
      if (header.type === "File" || header.type === "OldFile" || header.type === "ContiguousFile")
        entries.push({ name: longName ?? header.path ?? "", offset, size })
      said = undefined
      longName = undefined
    }
    at = offset + padded(size)
  }
  return entries
}

/** The regular files of an archive, in its order; or what is wrong with it in words. */
export const listTar = (path: string): Result.Result<ReadonlyArray<TarEntry>, string> =>
  inWords(() => withOpen(path, readEntries))
