/** The value of an option: as a space file writes it, and as words. Left out: which options a field takes (`network/`). */
import { Schema } from "effect"
import { field } from "../declaration/Field.ts"

/** A number, a word, a pair of extents, or a pair of formats. */
export const OptionValue = Schema.Union([
  Schema.Finite,
  Schema.String,
  Schema.Boolean,
  Schema.Array(Schema.Finite),
  Schema.Struct({
    weights: field(Schema.String, "Format of the weights."),
    activations: field(Schema.String, "Format of the activations."),
  }),
])
export type OptionValue = typeof OptionValue.Type

type Pair = Extract<OptionValue, { readonly weights: string }>

/** Whether an option is a pair of formats. */
export const isPair = (option: OptionValue): option is Pair =>
  typeof option === "object" && "weights" in option

/** `INT4`, `0.5`, `[3,5]`; a pair of formats as `INT4/INT8`, weights first. */
export const optionText = (option: OptionValue): string =>
  typeof option === "string"
    ? option
    : isPair(option)
      ? `${option.weights}/${option.activations}`
      : JSON.stringify(option)
