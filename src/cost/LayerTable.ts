/**
 * The layer table: the part of a network that every cost model reads.
 *
 * A layer is one weight-carrying matrix operation with its bias, norm and activation. Its sizes are quantities: tables
 * over the architecture decisions they depend on, already 0 where the layer is inactive.
 */
import type { Format, SharedExponent } from "../format/Format.ts"
import type { ScaleRule } from "../quantizer/ScaleRule.ts"
import { map, type Quantity } from "../space/Quantity.ts"

/** What one float32 scale of a weight may cover: the tensor, an output channel, a block of input channels. */
export const weightGranularities = ["tensor", "channel", "block"] as const
export type WeightGranularity = (typeof weightGranularities)[number]
/** The same for an input; `token` if the input is tokens, else the tensor. */
export const activationGranularities = ["tensor", "token", "block"] as const
export type ActivationGranularity = (typeof activationGranularities)[number]

/** Which format a layer's operand takes: `formats[choice of decision]`, or `formats[0]` when nothing is decided. */
export interface FormatSlot {
  readonly decision: number | null
  readonly formats: ReadonlyArray<Format>
  /** True when an override names these formats, not the space's general rule. */
  readonly overridden: boolean
  /** The key of the space that names the formats: `formats.oneOf`, `formats.overrides.0.weights`, `choices.first.oneOf`. */
  readonly key?: string
}

/** What a layer's time depends on besides its output channels and its formats, batch 1. */
export type LayerShape =
  | {
      /** Of the input image. */
      readonly height: Quantity
      readonly width: Quantity
      readonly channels: Quantity
      /** [height, width] */
      readonly kernel: readonly [Quantity, Quantity]
      readonly stride: readonly [number, number]
      readonly padding: "same" | "valid"
      /** Parts of the channels, each convolved alone; absent: 1. */
      readonly groups?: number
      /** Pixels from one element of the kernel to the next; absent: 1. */
      readonly dilation?: readonly [number, number]
    }
  | {
      /** Vectors that the same weight multiplies: 1 for a classifier. */
      readonly tokens: number
      readonly channels: Quantity
    }

export interface Layer {
  /** `stage2.1.conv1` */
  readonly path: string
  readonly kind: "conv" | "depthwiseConv" | "dense"
  readonly shape: LayerShape
  /** 1 where the layer is active, else 0. */
  readonly active: Quantity
  /** Multiply-accumulates at batch 1. */
  readonly macs: Quantity
  /** Weight elements. */
  readonly weights: Quantity
  /** Elements of the input activation, batch 1. */
  readonly inputs: Quantity
  /** Output channels or units (one float scale each at channel granularity). */
  readonly outputs: Quantity
  /**
   * Float32 values stored beside the weight: a bias for each output channel, and the parameters of operations behind the
   * layer that are no layers (layer norms, positions, squeeze-excite).
   */
  readonly extras: Quantity
  /** Output channels whose weight a batch norm multiplies, each with a float32 gain; 0 where there is none. */
  readonly gains: Quantity
  /** What one float32 weight scale covers; the tensor when absent. */
  readonly weightGranularity?: WeightGranularity
  /** What one float32 scale of the input covers; the tensor when absent. */
  readonly activationGranularity?: ActivationGranularity
  /** Input channels that share a scale; present if `weightGranularity` or `activationGranularity` is `block`. */
  readonly blockSize?: number
  /** Where scales come from; absmax when absent. */
  readonly scaleRule?: ScaleRule
  /** True when integer formats of the input take the range 0 to 2^b - 1; false when absent. */
  readonly unsignedActivations?: boolean
  /** Rule of E8M0 block scales; present if a format of the layer has such scales. */
  readonly sharedExponent?: SharedExponent
  readonly weightFormat: FormatSlot
  readonly activationFormat: FormatSlot
}

export interface LayerTable {
  readonly layers: ReadonlyArray<Layer>
}

/** What one float32 scale of a layer's input covers: the tensor if the space says `token` and the input is not tokens. */
export const activationGranularityOf = ({
  activationGranularity = "tensor",
  shape,
}: Layer): ActivationGranularity =>
  activationGranularity === "token" && !("tokens" in shape && shape.tokens > 1)
    ? "tensor"
    : activationGranularity

/** Channels that an output of a layer reads: those of its group. */
export const readChannels = ({ shape }: Pick<Layer, "shape">): Quantity => {
  const groups = "groups" in shape ? shape.groups : undefined
  return groups === undefined ? shape.channels : map(shape.channels, (n) => n / groups)
}
