/** Layers before their formats are known: what each multiplies and keeps, as quantities over the decisions. */
import type { Layer } from "../cost/LayerTable.ts"
import type { Activity } from "../space/Decision.ts"
import { combine, constant, map, type Quantity } from "../space/Quantity.ts"
import type { BlockPlace } from "./Decisions.ts"
import type { NormName, Padding, Shape } from "./Graph.ts"

export interface LayerDraft extends Omit<Layer, "weightFormat" | "activationFormat"> {
  readonly block: string
  readonly stage: string
  readonly activity: Activity
}

/** What stays of a draft in the layer table. */
export const withoutPlace = ({
  block: _block,
  stage: _stage,
  activity: _activity,
  ...layer
}: LayerDraft): Omit<Layer, "weightFormat" | "activationFormat"> => layer

const placeOf = ({ active, block, stage }: BlockPlace) => ({ block, stage, activity: active })

/** Float32 values that a file keeps for each output of a layer beside its weight. */
const extrasOf = (norm: NormName, bias: boolean): number =>
  (norm === "none" ? 0 : 2) + (bias ? 1 : 0)

/** Those of a convolution: a batch norm becomes its bias, and gains of the weight. */
const extrasOfConv = (norm: NormName, bias: boolean): number =>
  norm === "batch" ? 1 : extrasOf(norm, bias)

/** A convolution of `input` to `height` x `width`; depthwise when `filters` is absent. `active` is 1 where it runs. */
export const convLayer = (
  place: BlockPlace,
  path: string,
  input: Extract<Shape, { kind: "image" }>,
  options: {
    readonly filters?: Quantity
    readonly kernel: readonly [Quantity, Quantity]
    readonly stride: readonly [number, number]
    readonly padding: Padding
    readonly norm: NormName
    readonly bias: boolean
    readonly groups?: number | undefined
    readonly dilation?: readonly [number, number] | undefined
    readonly height: Quantity
    readonly width: Quantity
    /** Pixels of the input, where it has more than those of `input`, as zeros around them. */
    readonly pixels: Quantity
  },
  active: Quantity,
): LayerDraft => {
  const {
    bias,
    dilation,
    groups = 1,
    height,
    kernel,
    norm,
    padding,
    pixels,
    stride,
    width,
  } = options
  const depthwise = options.filters === undefined
  const filters = options.filters ?? input.channels
  const [kh, kw] = kernel
  const weights = depthwise
    ? combine([active, kh, kw, input.channels], ([a, h, w, c]) => a! * h! * w! * c!)
    : combine(
        [active, kh, kw, input.channels, filters],
        ([a, h, w, i, o]) => a! * h! * w! * (i! / groups) * o!,
      )
  return {
    path,
    kind: depthwise ? "depthwiseConv" : "conv",
    shape: {
      height: input.height,
      width: input.width,
      channels: input.channels,
      kernel,
      stride,
      padding,
      ...(groups === 1 ? {} : { groups }),
      ...(dilation === undefined || dilation.every((n) => n === 1) ? {} : { dilation }),
    },
    active,
    macs: combine([weights, height, width], ([n, h, w]) => n! * h! * w!),
    weights,
    inputs: combine([active, input.channels, pixels], ([a, c, n]) => a! * c! * n!),
    outputs: combine([active, filters], ([a, c]) => a! * c!),
    extras: combine([active, filters], ([a, c]) => a! * c! * extrasOfConv(norm, bias)),
    gains: norm === "batch" ? combine([active, filters], ([a, c]) => a! * c!) : constant(0),
    ...placeOf(place),
  }
}

/** A fully connected layer of every token (of one, for a vector). */
export const denseLayer = (
  place: BlockPlace,
  path: string,
  {
    bias,
    channels,
    norm,
    tokens,
    units,
  }: {
    readonly tokens: number
    readonly channels: Quantity
    readonly units: Quantity
    readonly norm: NormName
    readonly bias: boolean
  },
  active: Quantity,
): LayerDraft => {
  const weights = combine([active, channels, units], ([a, c, u]) => a! * c! * u!)
  const outputs = combine([active, units], ([a, u]) => a! * u!)
  return {
    path,
    kind: "dense",
    shape: { tokens, channels },
    active,
    macs: map(weights, (n) => n * tokens),
    weights,
    inputs: combine([active, channels], ([a, c]) => a! * c! * tokens),
    outputs,
    extras: map(outputs, (n) => n * extrasOf(norm, bias)),
    gains: constant(0),
    ...placeOf(place),
  }
}
