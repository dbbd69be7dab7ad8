/** Fields of declarations: those that may be left out, lists without repeats, files. */
import { Effect, Schema } from "effect"

/** An optional key with a default, which the JSON Schema shows. `value` is what a person would have written. */
export const withDefault = <S extends Schema.Top>(schema: S, value: S["Encoded"]) =>
  (schema.annotate({ default: value } as never) as S).pipe(
    Schema.withDecodingDefaultKey<S>(Effect.succeed(value) as never),
  )

/** No item of a list stands in it twice. As `Schema.isUnique`, which is quadratic in the items. */
export const distinct = Schema.makeFilter<ReadonlyArray<unknown>>(
  (list) => new Set(list.map((item) => JSON.stringify(item))).size === list.length,
  {
    expected: "without repeats",
    representation: { id: "effect/schema/isUnique", payload: null },
    toJsonSchema: () => ({ uniqueItems: true }),
  },
)

/** A file, from the folder of the file that names it. */
export const FilePath = Schema.String.check(
  Schema.isPattern(/^[^~\p{Cc}][^\p{Cc}]{0,999}$/u, {
    expected: "a path from this file's folder, without ~ at its start and without control signs",
  }),
).annotate({ identifier: "FilePath" })
