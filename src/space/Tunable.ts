/**
 * Tunable fields: a value, `{ oneOf: [...] }`, or `{ use: name }`.
 *
 * In here: the schema of the three forms. Left out: which decision each becomes (`model/Builder.ts`).
 */
import { Schema } from "effect"
import { distinct } from "../declaration/Field.ts"

/** A name of a choice, an item or a branch: a letter, then letters, digits, `_` or `-`; never a dot. */
export const Name = Schema.String.check(
  Schema.isPattern(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/u, {
    expected: "a name: a letter, then up to 63 letters, digits, _ or -",
  }),
).annotate({ identifier: "Name" })

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

/** The schema of a tunable field whose fixed form is `value`. */
export const tunable = <S extends Schema.Codec<unknown, unknown>>(value: S, identifier: string) =>
  Schema.Union([
    value,
    Schema.Struct({
      oneOf: Schema.Array(value).check(Schema.isMinLength(1), distinct),
      shared: Schema.optionalKey(Schema.Boolean),
    }),
    Schema.Struct({ use: Name }),
  ]).annotate({ identifier })
