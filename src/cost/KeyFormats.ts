/**
 * The formats of a key of a latency table, `INT4`, `INT4/INT8` or `INT4@channel/INT8@token`: of the weight and of the input, and
 * what a float32 scale of each covers. Left out: the shape of the layer (`LatencyTable.ts`).
 */
import type { Format } from "../format/Format.ts"
import { parse } from "../format/Formats.ts"
import {
  type InputGranularity,
  inputGranularityOf,
  type Layer,
  type WeightGranularity,
} from "./LayerTable.ts"

/** What a float32 scale covers where it is not the tensor: `channel` (weights), `token` (inputs), `block16`. */
export type Covered = "channel" | "token" | `block${number}`

/** The formats of a layer; without what is covered, a scale covers the tensor, or the format has none of its own. */
export interface KeyFormats {
  readonly weights: Format
  readonly activations: Format
  readonly weightsCovered?: Covered
  readonly activationsCovered?: Covered
}

const operandText = ({ name }: Format, covered: Covered | undefined): string =>
  covered === undefined ? name : `${name}@${covered}`

/** `INT4` where weight and input are alike, else both. */
export const formatsText = ({
  activations,
  activationsCovered,
  weights,
  weightsCovered,
}: KeyFormats) => {
  const [weight, input] = [
    operandText(weights, weightsCovered),
    operandText(activations, activationsCovered),
  ]
  return weight === input ? weight : `${weight}/${input}`
}

/** What scales of this format cover; undefined for the tensor, and where the format has no float32 scale or own blocks. */
const coveredOf = (
  { block, scaled }: Format,
  granularity: WeightGranularity | InputGranularity | undefined,
  blockSize: number | undefined,
): Covered | undefined =>
  !scaled || block !== undefined || granularity === undefined || granularity === "tensor"
    ? undefined
    : granularity === "block"
      ? `block${blockSize!}`
      : granularity

/** The formats of a key, and what their scales cover in this layer. */
export const formatsOf = (layer: Layer, weights: Format, activations: Format): KeyFormats => {
  const { blockSize, weightScales } = layer
  const weightsCovered = coveredOf(weights, weightScales, blockSize)
  const activationsCovered = coveredOf(activations, inputGranularityOf(layer), blockSize)
  return {
    weights,
    activations,
    ...(weightsCovered === undefined ? {} : { weightsCovered }),
    ...(activationsCovered === undefined ? {} : { activationsCovered }),
  }
}

/** `INT4`, or `INT4@block16`. */
const readOperand = (text: string, other: "channel" | "token") => {
  const [name, covered, ...more] = text.split("@")
  const format = parse(name!)
  if (format === undefined || more.length > 0) return undefined
  const isKnown =
    covered === undefined ||
    (coveredOf(format, other, undefined) !== undefined &&
      (covered === other || /^block[1-9]\d{0,3}$/u.test(covered)))
  return isKnown ? { format, covered: covered as Covered | undefined } : undefined
}

/** The formats of a key of `ms`. */
export const readFormats = (name: string): KeyFormats | undefined => {
  const parts = name.split("/")
  const weight = readOperand(parts[0]!, "channel")
  const input = readOperand(parts.at(-1)!, "token")
  if (parts.length > 2 || weight === undefined || input === undefined) return undefined
  return {
    weights: weight.format,
    activations: input.format,
    ...(weight.covered === undefined ? {} : { weightsCovered: weight.covered }),
    ...(input.covered === undefined ? {} : { activationsCovered: input.covered }),
  }
}
