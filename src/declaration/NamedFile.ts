/**
 * Files that a block of a declaration may name in place of a value: `table: latency.json`, `assignment: best.json`.
 *
 * The kind that reads such a file declares here how the file is recognised, what it contains, and how messages name it.
 * Left out: reading the file and its place in the declaration (`experiment/Files.ts`).
 */
import { type Problem, within } from "./Errors.ts"
import type { Decodable } from "./Decode.ts"

/** One kind of file. */
export interface NamedFile<A = unknown> {
  /** `latency table` */
  readonly kind: string
  /** The same with its article: `a latency table`. */
  readonly noun: string
  readonly schema: Decodable<A>
  /** Checks of the contents that the schema cannot express; paths into the file. */
  problems?(contents: A): ReadonlyArray<Problem>
  /** Whether a plain mapping is probably such a file, valid or not. */
  readonly recognises: (mapping: Readonly<Record<string, unknown>>) => boolean
  /** How such a file is used: the end of a message that rejects it elsewhere. */
  readonly use: (file: string) => string
  /** Other kinds of file that hold one, and the key under which they hold it. */
  readonly within?: Readonly<Record<string, string>>
  /** The command that writes one for a space: `fliqs latency SPACE --out FILE`. */
  readonly command?: string
  /** Whether parameters show a digest of the contents in place of the contents themselves. */
  readonly isLarge?: boolean
}

/** The files that a block may name, by the key that names them. */
export type NamedFiles = Readonly<Record<string, NamedFile>>

const valueOf = (block: object, key: string): unknown =>
  Object.hasOwn(block, key) ? (block as Readonly<Record<string, unknown>>)[key] : undefined

/** The files that a block names and that have not been read: the key and path of each. */
export const unreadFiles = (
  files: NamedFiles,
  block: object,
): ReadonlyArray<{ readonly key: string; readonly path: string; readonly file: NamedFile }> =>
  Object.entries(files).flatMap(([key, file]) => {
    const path = valueOf(block, key)
    return typeof path === "string" ? [{ key, path, file }] : []
  })

/** The problems of the contents of the files in a block, by paths into the block. */
export const contentProblems = (files: NamedFiles, block: object): ReadonlyArray<Problem> =>
  Object.entries(files).flatMap(([key, file]) => {
    const contents = valueOf(block, key)
    return contents === undefined || typeof contents === "string"
      ? []
      : (file.problems?.(contents) ?? []).map(within(key))
  })
