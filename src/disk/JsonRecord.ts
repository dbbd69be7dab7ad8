/**
 * Records: small JSON files with a version and a checksum, each replaced whole. They stay plain JSON, with the checksum
 * as the last key; it covers every byte before it.
 *
 *     {
 *       "version": 1,
 *       ...
 *       "checksum": "sha256:<64 hex digits over the text as it is without this line>"
 *     }
 *
 * So each flipped byte and each truncation is noticed. Records of earlier versions, which have no checksum, are read as
 * they are; one with a key that no version wrote is damaged. Left out: what the records say (each has its Schema).
 */
import { Effect, FileSystem, Schema } from "effect"
import { createHash } from "node:crypto"
import * as Durable from "./Durable.ts"
import { Damaged, NewerVersion, StorageError } from "./Errors.ts"
import { describe } from "./FileProblem.ts"
import { stored } from "./Patience.ts"
import * as RegularFile from "./RegularFile.ts"

/** The version of every record. */
export const version = 1

/** Records are small; what is larger is none. */
const largest = 64 << 20

const digest = (text: string): string => createHash("sha256").update(text).digest("hex")

/** The text of a record: JSON as a person would write it, its checksum, and a final newline. */
const textOf = (value: object): string => {
  const bare = `${JSON.stringify(value, null, 2)}\n`
  return `${bare.slice(0, -3)},\n  "checksum": "sha256:${digest(bare)}"\n}\n`
}

const trailer = /,\n {2}"checksum": "sha256:([0-9a-f]{64})"\n\}\n$/

/** A record's value without its checksum, or what is wrong with the text. */
export const parse = (
  bytes: Uint8Array,
): { readonly value: unknown; readonly isChecked: boolean } | string => {
  if (bytes.length === 0) return "it is empty"
  let text: string
  let value: unknown
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
    value = JSON.parse(text)
  } catch {
    return "it is cut short or changed: it is not JSON"
  }
  const found = trailer.exec(text)
  if (found !== null) {
    if (digest(`${text.slice(0, found.index)}\n}\n`) !== found[1])
      return "its checksum does not match"
    const { checksum: _, ...rest } = value as Record<string, unknown>
    return { value: rest, isChecked: true }
  }
  const hasChecksum = typeof value === "object" && value !== null && "checksum" in value
  return hasChecksum ? "its checksum is not where it was written" : { value, isChecked: false }
}

const foundVersion = (value: unknown): number | undefined =>
  typeof value === "object" && value !== null && "version" in value
    ? Number(value.version)
    : undefined

/**
 * Makes the reader of one kind of record. It gives `undefined` when there is none; it fails with a `StorageError` whose
 * reason is Damaged, NewerVersion (refused by name), or what the file system said.
 */
export const reader = <S extends Schema.Codec<unknown, unknown>>(schema: S) => {
  const decode = Schema.decodeUnknownEffect(schema)
  const decodeExactly = Schema.decodeUnknownEffect(schema, { onExcessProperty: "error" })
  return Effect.fnUntraced(function* (path: string) {
    const fs = yield* FileSystem.FileSystem
    if (!(yield* RegularFile.exists(path, largest))) return undefined
    const bytes = yield* fs.readFile(path).pipe(
      Effect.catchIf(
        (error) => describe(error).code === "ENOENT",
        () => Effect.undefined,
      ),
      stored("read", path),
    )
    if (bytes === undefined) return undefined
    const damaged = (message: string) =>
      new StorageError({ operation: "read", path, reason: new Damaged({ message }) })
    const parsed = parse(bytes)
    if (typeof parsed === "string") return yield* damaged(parsed)
    const { isChecked, value } = parsed
    const found = foundVersion(value)
    if (found !== undefined && found > version)
      return yield* new StorageError({
        operation: "read",
        path,
        reason: new NewerVersion({
          message: `it has version ${found}, this fliqs knows up to ${version}`,
          found,
          known: version,
        }),
      })
    return yield* (isChecked ? decode(value) : decodeExactly(value)).pipe(
      Effect.mapError((error) => damaged(`it does not say what it should: ${error.message}`)),
    )
  })
}

const encoder = new TextEncoder()

/** The bytes of a record, as `write` and `create` put them. */
export const encode = (value: object): Uint8Array => encoder.encode(textOf(value))

/** Puts a record at `path`, replacing what was there. */
export const write = (path: string, value: object, options: Durable.Options = {}) =>
  Durable.replace(path, [encode(value)], options)

/** Puts a record at `path` only when nothing is there yet; else fails with Conflict. */
export const create = (path: string, value: object, options: Durable.Options = {}) =>
  Durable.create(path, [encode(value)], options)
