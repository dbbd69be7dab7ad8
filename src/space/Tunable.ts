/**
 * Tunable fields: a value, `{ oneOf: [...] }`, or `{ use: name }`.
 *
 * In here: the schema of the three forms. Left out: which decision each becomes (`network/Builder.ts`).
 */
import { Schema } from "effect"
import { distinct, field, optional } from "../declaration/Field.ts"

/** A name of a choice, an item or a branch: a letter, then letters, digits, `_` or `-`; never a dot. */
export const Name = Schema.String.check(
  Schema.isPattern(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/u, {
    expected: "a name: a letter, then up to 63 letters, digits, _ or -",
  }),
).annotate({ identifier: "Name", examples: ["stem"] })

export type Tunable<T> =
  | T
  | { readonly oneOf: ReadonlyArray<T>; readonly shared?: boolean }
  | { readonly use: string }

export const isOneOf = <T>(
  value: Tunable<T>,
): value is { readonly oneOf: ReadonlyArray<T>; readonly shared?: boolean } =>
  typeof value === "object" && value !== null && "oneOf" in value

export const isUse = <T>(value: Tunable<T>): value is { readonly use: string } =>
  typeof value === "object" && value !== null && "use" in value

/** The name of an item: where nothing is written, `usual` says what it is called. */
export const itemName = (usual: string) =>
  optional(
    Name,
    `Name of the item; the paths of its layers and decisions begin with it. Default: ${usual}.`,
  )

/** One decision for all repeats of an item in place of one for each. */
export const sharedField = optional(
  Schema.Boolean,
  "Whether all repeats of the item share one decision, in place of one each.",
  { default: false },
)

export const useField = field(
  Name,
  "Name of an entry of `choices`: this field takes its option, as all do that use it.",
  { examples: ["width"] },
)

/** The schema of a tunable field whose fixed form is `value`; `options` are two of its values, as an example. */
export const tunable = <S extends Schema.Codec<unknown, unknown>>(
  value: S,
  identifier: string,
  options: readonly [unknown, unknown],
) =>
  Schema.Union([
    value,
    Schema.Struct({
      oneOf: field(
        Schema.Array(value).check(Schema.isMinLength(1), distinct),
        "Options of a decision that the search takes; none may stand in it twice.",
        { examples: [options] },
      ),
      shared: sharedField,
    }),
    Schema.Struct({ use: useField }),
  ]).annotate({ identifier, examples: [options[0], { oneOf: options }] })
