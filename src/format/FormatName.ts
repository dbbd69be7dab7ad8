/** Formats in a declaration: the name of one, a list of them. */
import { Schema } from "effect"
import { distinct } from "../declaration/Field.ts"
import { names, sets } from "./Formats.ts"

export const FormatName = Schema.Literals(names).annotate({
  identifier: "FormatName",
  description: "A number format: see `fliqs format list`.",
})

export const FormatPair = Schema.Struct({
  weights: FormatName,
  activations: FormatName,
}).annotate({
  identifier: "FormatPair",
  description: "One format for the weights of a layer, another for its activations.",
})

/** A format for both operands of a layer, or a pair. */
export const FormatOption = Schema.Union([FormatName, FormatPair]).annotate({
  identifier: "FormatOption",
})

export type FormatOption = typeof FormatOption.Type

/** Formats and pairs, or the name of a set of formats. */
export const FormatOptionList = Schema.Union([
  Schema.Array(FormatOption).check(Schema.isMinLength(1), distinct),
  Schema.Literals(Object.keys(sets)),
]).annotate({ identifier: "FormatOptionList" })

/** Format names, or the name of a set of them. */
export const FormatList = Schema.Union([
  Schema.Array(FormatName).check(Schema.isMinLength(1), distinct),
  Schema.Literals(Object.keys(sets)),
]).annotate({ identifier: "FormatList" })
