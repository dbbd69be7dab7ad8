/**
 * Records: small JSON files with a version. Left out: what they say (each reader has its Schema) and how they are
 * written (`Durable.ts`).
 */
import { Effect, FileSystem, Schema } from "effect"
import { Damaged, NewerVersion, orUnreachable, StorageError } from "./Errors.ts"

/** The version of every record. */
export const version = 1

const foundVersion = (value: unknown): number | undefined =>
  typeof value === "object" && value !== null && "version" in value
    ? Number(value.version)
    : undefined

/** Reads a record. `undefined` when there is none; newer versions are refused by name. */
export const readJson = <S extends Schema.Codec<unknown, unknown>>(schema: S) => {
  const decode = Schema.decodeUnknownEffect(schema)
  return Effect.fnUntraced(function* (path: string) {
    const fs = yield* FileSystem.FileSystem
    if (!(yield* fs.exists(path).pipe(orUnreachable("read", path)))) return undefined
    const text = yield* fs.readFileString(path).pipe(orUnreachable("read", path))
    const damaged = (message: string) =>
      new StorageError({ operation: "read", path, reason: new Damaged({ message }) })
    const value: unknown = yield* Effect.try({
      try: () => JSON.parse(text) as unknown,
      catch: () => damaged("it is not JSON"),
    })
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
    return yield* decode(value).pipe(Effect.mapError((error) => damaged(error.message)))
  })
}
