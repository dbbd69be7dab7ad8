/**
 * The formats in a key of a latency table, `INT4`, `INT4/INT8` or `INT4@channel/INT8@token`: of the weight and of the input,
 * and the granularity of the scales of each. Left out: the shape of the layer (`LatencyTable.ts`).
 */
import type { Format } from "../format/Format.ts"
import { parse } from "../format/Formats.ts"
import {
  type ActivationGranularity,
  activationGranularityOf,
  type Layer,
  type WeightGranularity,
} from "./LayerTable.ts"

/** What a float32 scale covers if it is not the tensor: `channel` (weights), `token` (inputs), `block16`. */
export type KeyGranularity = "channel" | "token" | `block${number}`

/** The formats of a layer. Without a granularity a scale covers the tensor, or the format has no float32 scale. */
export interface KeyFormats {
  readonly weights: Format
  readonly activations: Format
  readonly weightGranularity?: KeyGranularity
  readonly activationGranularity?: KeyGranularity
}

const operandText = ({ name }: Format, granularity: KeyGranularity | undefined): string =>
  granularity === undefined ? name : `${name}@${granularity}`

/** `INT4` if weight and input are alike, else both. */
export const formatsText = ({
  activations,
  activationGranularity,
  weights,
  weightGranularity,
}: KeyFormats) => {
  const [weight, input] = [
    operandText(weights, weightGranularity),
    operandText(activations, activationGranularity),
  ]
  return weight === input ? weight : `${weight}/${input}`
}

/** What scales of this format cover; undefined for the tensor, and if the format has no float32 scale or blocks of its own. */
const keyGranularityOf = (
  { block, scaled }: Format,
  granularity: WeightGranularity | ActivationGranularity | undefined,
  blockSize: number | undefined,
): KeyGranularity | undefined =>
  !scaled || block !== undefined || granularity === undefined || granularity === "tensor"
    ? undefined
    : granularity === "block"
      ? `block${blockSize!}`
      : granularity

/** The formats of a key, and what their scales cover in this layer. */
export const formatsOf = (layer: Layer, weights: Format, activations: Format): KeyFormats => {
  const { blockSize } = layer
  const weightGranularity = keyGranularityOf(weights, layer.weightGranularity, blockSize)
  const activationGranularity = keyGranularityOf(
    activations,
    activationGranularityOf(layer),
    blockSize,
  )
  return {
    weights,
    activations,
    ...(weightGranularity === undefined ? {} : { weightGranularity }),
    ...(activationGranularity === undefined ? {} : { activationGranularity }),
  }
}

/** `INT4`, or `INT4@block16`. */
const readOperand = (text: string, other: "channel" | "token") => {
  const [name, granularity, ...more] = text.split("@")
  const format = parse(name!)
  if (format === undefined || more.length > 0) return undefined
  const isKnown =
    granularity === undefined ||
    (keyGranularityOf(format, other, undefined) !== undefined &&
      (granularity === other || /^block[1-9]\d{0,3}$/u.test(granularity)))
  return isKnown ? { format, granularity: granularity as KeyGranularity | undefined } : undefined
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
    ...(weight.granularity === undefined ? {} : { weightGranularity: weight.granularity }),
    ...(input.granularity === undefined ? {} : { activationGranularity: input.granularity }),
  }
}
