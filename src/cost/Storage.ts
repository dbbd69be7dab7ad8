/**
 * Bits of a stored tensor: its elements and all scales that belong to it. Costs and the code that writes a tensor to a file
 * count with this one function.
 *
 * A tensor is a number of runs of channels: a weight [height, width, in, out] has height x width x out runs of the
 * input channels that it reads, a depthwise weight [height, width, channels, 1] height x width runs of its channels, an input a run for
 * every position or token. Blocks divide a run; the last block of a run may be short and has a scale as the others do.
 */
import type { Format } from "../format/Format.ts"
import { combine, type Quantity } from "../space/Quantity.ts"
import { optionOf } from "./Bits.ts"
import {
  type FormatSlot,
  type ActivationGranularity,
  activationGranularityOf,
  type Layer,
  readChannels,
  type WeightGranularity,
} from "./LayerTable.ts"

const floatBits = 32

/** The layout of a tensor and its float32 scales. */
export interface Layout {
  readonly runs: number
  /** Elements of a run. */
  readonly channels: number
  /** What one float32 scale covers in a format that has float32 scales and no blocks of its own. */
  readonly granularity: WeightGranularity | ActivationGranularity
  /** Output channels of a weight; read at channel granularity. */
  readonly outputs?: number
  /** Elements of a block; read at block granularity. */
  readonly blockSize?: number
}

/** Bits of the parts of a stored tensor. */
export interface Stored {
  readonly elements: number
  /** Bits of scales that cover a part of the tensor: a channel, a token, a block. */
  readonly partScales: number
  /** Bits of a scale that covers the whole tensor. */
  readonly tensorScale: number
}

const nothing: Stored = { elements: 0, partScales: 0, tensorScale: 0 }

/** Float32 scales at a granularity below the tensor. */
const partsOf = ({ blockSize, channels, granularity, outputs, runs }: Layout): number => {
  switch (granularity) {
    case "tensor":
      return 0
    case "channel":
      return outputs!
    case "token":
      return runs
    case "block":
      return runs * Math.ceil(channels / blockSize!)
  }
}

/** The bits of a tensor in a format; 0 if it has no elements. */
export const storedBits = (format: Format, layout: Layout): Stored => {
  const { bits, block, scaled, zeroPoint } = format
  const { channels, granularity, runs } = layout
  if (runs * channels === 0) return nothing
  const elements = runs * channels * bits
  if (block !== undefined)
    return {
      elements,
      partScales: runs * Math.ceil(channels / block.size) * block.bits,
      tensorScale: block.scale === "E4M3" ? floatBits : 0,
    }
  if (!scaled) return { elements, partScales: 0, tensorScale: 0 }
  const scaleBits = zeroPoint === undefined ? floatBits : floatBits + bits
  return {
    elements,
    partScales: partsOf(layout) * scaleBits,
    tensorScale: granularity === "tensor" ? scaleBits : 0,
  }
}

/** `total` of the bits that an operand of a layer takes, under every choice that the bits depend on. */
const ofOperand = (
  layer: Layer,
  slot: FormatSlot,
  elements: Quantity,
  read: Quantity,
  granularity: Layout["granularity"],
  total: (stored: Stored) => number,
): Quantity =>
  combine([elements, read, layer.outputs, optionOf(slot)], ([count, channels, outputs, option]) => {
    const blocks = layer.blockSize === undefined ? {} : { blockSize: layer.blockSize }
    const runs = count! / channels!
    const layout = { runs, channels: channels!, granularity, outputs: outputs!, ...blocks }
    return total(storedBits(slot.formats[option!]!, layout))
  })

/** Bits of a layer's weight with its scales, as it is trained. */
const plainWeightBits = (layer: Layer): Quantity =>
  ofOperand(
    layer,
    layer.weightFormat,
    layer.weights,
    readChannels(layer),
    layer.weightGranularity ?? "tensor",
    ({ elements, partScales, tensorScale }) => elements + partScales + tensorScale,
  )

/**
 * How a file keeps the gain that a batch norm multiplies each output channel with: in float32 values; in the scales of
 * channels or of blocks of input channels; in a scale for each channel in place of one for the tensor; else as a number
 * beside the weight.
 */
const gainPlace = (
  { mantissaBits, block, scaled }: Format,
  { kind, weightGranularity = "tensor" }: Layer,
): "within" | "instead" | "beside" => {
  if (mantissaBits >= 23) return "within"
  if (block !== undefined || !scaled) return "beside"
  if (weightGranularity === "tensor") return "instead"
  // Blocks of a depthwise weight run along its output channels.
  return weightGranularity === "block" && kind === "depthwiseConv" ? "beside" : "within"
}

/** Bits of a layer's weight: everything that a file holds of it, the gain of a batch norm behind it included. */
export const weightBits = (layer: Layer): Quantity =>
  combine(
    [plainWeightBits(layer), layer.gains, optionOf(layer.weightFormat)],
    ([bits, gains, option]) => {
      if (bits === 0 || gains === 0) return bits!
      const place = gainPlace(layer.weightFormat.formats[option!]!, layer)
      if (place === "within") return bits!
      return bits! + (place === "beside" ? gains! : gains! - 1) * floatBits
    },
  )

/**
 * Bits of a layer's input at batch 1. A scale of the whole input is fixed at the end of the search: it is a constant of the
 * network and is not stored with the input.
 */
export const inputBits = (layer: Layer): Quantity =>
  ofOperand(
    layer,
    layer.activationFormat,
    layer.inputs,
    layer.shape.channels,
    activationGranularityOf(layer),
    ({ elements, partScales }) => elements + partScales,
  )
