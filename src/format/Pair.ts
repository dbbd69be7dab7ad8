/**
 * A format for a layer's weights beside another for its activations. One name stands for the same format of both.
 *
 * In here: pairs as data and as words, and whether hardware multiplies the two. Left out: where a declaration may name a
 * pair (`FormatName.ts`), which layers take it (`network/`).
 */
import type { Format } from "./Format.ts"
import { explain, parse } from "./Formats.ts"

/** Names of two formats. */
export interface FormatPair {
  readonly weights: string
  readonly activations: string
}

/** What a layer may take: one format for both operands, or a pair. */
export type FormatOption = string | FormatPair

export const isPair = (value: unknown): value is FormatPair =>
  typeof value === "object" &&
  value !== null &&
  "weights" in value &&
  "activations" in value &&
  typeof value.weights === "string" &&
  typeof value.activations === "string"

/** The two names that an option stands for. */
export const pairOf = (option: FormatOption): FormatPair =>
  typeof option === "string" ? { weights: option, activations: option } : option

/** `INT8`, or `INT4/INT8`: weights, then activations. The two spellings of one format on both are one text. */
export const pairText = (option: FormatOption): string => {
  const { activations, weights } = pairOf(option)
  return weights === activations ? weights : `${weights}/${activations}`
}

/** The option as a space file writes it, on one line. */
export const yamlOf = (option: FormatOption): string =>
  typeof option === "string"
    ? option
    : `{ weights: ${option.weights}, activations: ${option.activations} }`

/** The option that such a text stands for; undefined where a name is no format. */
export const readPair = (text: string): FormatOption | undefined => {
  const [weights, activations = weights, ...more] = text.split("/")
  if (more.length > 0 || parse(weights!) === undefined || parse(activations!) === undefined)
    return undefined
  return weights === activations ? weights! : { weights: weights!, activations: activations! }
}

/** Why such a text stands for nothing, and what would be right: one sentence without the text in front. */
export const explainPair = (text: string): string => {
  const parts = text.split("/")
  const wrong = parts.find((name) => parse(name) === undefined)
  if (parts.length > 2) return "names more than two formats; WEIGHTS/ACTIVATIONS would be right"
  if (wrong === undefined) return "is a format or a pair"
  return parts.length === 1 ? explain(wrong) : `${wrong}: ${explain(wrong)}`
}

/** What one multiplier takes: numbers of one such class. Wide floats take any other, converted to them first. */
const classOf = ({ block, kind, name }: Format): string => {
  if (kind === "uint") return "int"
  if (kind === "wide" || kind === "int") return kind
  if (block === undefined) return "minifloat"
  return block.scale === "E8M0" ? name.slice(0, "MXFP".length) : name
}

/**
 * Whether there is hardware that multiplies the two: integers by integers, with a zero point or not, minifloats by minifloats, MXFP by MXFP, MXINT8
 * by MXINT8, NVFP4 by NVFP4, and anything by BF16, FP16 or FP32.
 */
export const isMultiplied = (weights: Format, activations: Format): boolean => {
  const [a, b] = [classOf(weights), classOf(activations)]
  return a === b || a === "wide" || b === "wide"
}
