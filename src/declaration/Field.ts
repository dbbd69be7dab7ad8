/** Fields of declarations: those that may be left out, lists without repeats, files. */
import { Effect, Schema } from "effect"

/** What else documentation shows of a field, as a person would write it. */
export interface Shown {
  /** Only shown; the code that reads the field applies the default. */
  readonly default?: unknown
  /** For forms that are not plain. */
  readonly examples?: ReadonlyArray<unknown>
}

/**
 * A field and what it means, in one or two sentences: the only place of these words, from which the JSON Schemas, what editors
 * show, and `docs/keys.md` take them. A default that follows from other fields is given in a last sentence,
 * `Default: ...`; for all other defaults that sentence is generated.
 */
export const field = <S extends Schema.Top>(schema: S, description: string, shown: Shown = {}): S =>
  schema.annotate({ description, ...shown }) as S

/** A list entry as a sentence of its own. */
export const asSentence = (words: string): string =>
  `${words.slice(0, 1).toUpperCase()}${words.slice(1)}.`

/** A field that may be left out. */
export const optional = <S extends Schema.Top>(schema: S, description: string, shown: Shown = {}) =>
  Schema.optionalKey(field(schema, description, shown))

/** An optional key with a default, which the JSON Schema shows. `value` is what a person would have written. */
export const withDefault = <S extends Schema.Top>(
  schema: S,
  value: S["Encoded"],
  description?: string,
  examples?: ReadonlyArray<unknown>,
) =>
  (
    schema.annotate({
      default: value,
      ...(description === undefined ? {} : { description }),
      ...(examples === undefined ? {} : { examples }),
    }) as S
  ).pipe(Schema.withDecodingDefaultKey<S>(Effect.succeed(value)))

/** For editors: the first line of a file may name its schema in a comment as well. */
export const SchemaPath = optional(
  Schema.String,
  "Where editors find the schema of this file; nothing else reads it. Default: none.",
)

/** Words for whoever reads the file later. */
export const Description = optional(Schema.String, "Free text about this file. Default: none.")

/** The schema with a few words for all values that it takes, if a list of them would be too long: "INT2 to INT16, ...". */
export const inWords = <S extends Schema.Top>(schema: S, words: string): S =>
  schema.annotate({ inWords: words }) as S

/** These words; undefined if there are none. */
export const wordsFor = (
  ast: { readonly annotations?: object | undefined } | undefined,
): string | undefined => (ast?.annotations as { readonly inWords?: string } | undefined)?.inWords

/** Requires that no item is in the list twice. Like `Schema.isUnique`, which is quadratic in the items. */
export const distinct = Schema.makeFilter<ReadonlyArray<unknown>>(
  (list) => new Set(list.map((item) => JSON.stringify(item))).size === list.length,
  {
    expected: "without repeats",
    representation: { id: "effect/schema/isUnique", payload: null },
    toJsonSchema: () => ({ uniqueItems: true }),
  },
)

/** A file, by its path from the folder of the file that names it. */
export const FilePath = Schema.String.check(
  Schema.isPattern(/^[^~\p{Cc}][^\p{Cc}]{0,999}$/u, {
    expected:
      "a path from this file's folder, without ~ at its start and without control characters",
  }),
).annotate({ identifier: "FilePath", examples: ["../data/file"] })
