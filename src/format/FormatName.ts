/** Formats in a declaration: the name of one, a list of them. */
import { Schema } from "effect"
import { distinct, field, inWords } from "../declaration/Field.ts"
import { withOtherNames } from "../declaration/OtherNames.ts"
import { meant } from "../declaration/Suggest.ts"
import { instead, names, parse, sets } from "./Formats.ts"

export const FormatName = withOtherNames(
  inWords(
    Schema.Literals(names).annotate({
      identifier: "FormatName",
      description: "A number format: see `fliqs format list`.",
    }),
    "a format (INT2 to INT16, UINT2 to UINT16, E<x>M<y> up to 8 bits, BF16, FP16, FP32, MX..., NVFP4)",
  ),
  instead,
)

/** The message for a word that is given as a list of formats and is no set of them. */
const insteadOfList = (word: string): string => {
  if (parse(word) !== undefined) return `a list would be right: [${word}]`
  return meant(word, Object.keys(sets)) ?? instead(word)
}

export const FormatPair = Schema.Struct({
  weights: field(FormatName, "Format of the weights."),
  activations: field(FormatName, "Format of the activations."),
}).annotate({
  identifier: "FormatPair",
  description: "One format for the weights of a layer, another for its activations.",
})

/** A format for both operands of a layer, or a pair. */
export const FormatOption = Schema.Union([FormatName, FormatPair]).annotate({
  identifier: "FormatOption",
  description: "A number format for weights and activations, or a pair of formats.",
  examples: ["INT4", { weights: "INT4", activations: "INT8" }],
})

export type FormatOption = typeof FormatOption.Type

/** Formats and pairs, or the name of a set of formats. */
export const FormatOptionList = withOtherNames(
  Schema.Union([
    Schema.Array(FormatOption).check(Schema.isMinLength(1), distinct),
    Schema.Literals(Object.keys(sets)),
  ]).annotate({
    identifier: "FormatOptionList",
    examples: [["INT4", "INT8"], "fliqs-s-int", ["INT8", { weights: "INT4", activations: "INT8" }]],
  }),
  insteadOfList,
)

/** Format names, or the name of a set of them. */
export const FormatList = withOtherNames(
  Schema.Union([
    Schema.Array(FormatName).check(Schema.isMinLength(1), distinct),
    Schema.Literals(Object.keys(sets)),
  ]).annotate({ identifier: "FormatList", examples: [["INT4", "INT8"], "fliqs-s-int"] }),
  insteadOfList,
)
