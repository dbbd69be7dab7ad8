/**
 * The weight of a layer as it is stored: a code for every element, and the scales. Codes times scales give the values that
 * the network multiplies with, bit for bit (`quantizer/reference.ts` is the rule).
 *
 *     value = decode(code) * scale                      one scale for the tensor, a channel or a block
 *     value = decode(code) * blockScale * tensorScale   NVFP4, each product rounded to float32
 *
 * Left out: how a file packs codes (each target), activations, whose scales are frozen or found as the file runs.
 */
import type { Layer } from "../cost/LayerTable.ts"
import type { Format } from "../format/Format.ts"
import { mapColumns, type Row, toRow } from "../format/Row.ts"
import {
  absMax,
  blockScaleOf,
  leastErrorReference,
  percentileReference,
  roundByRow,
  scaleOf,
  tensorScaleOf,
} from "../quantizer/reference.ts"
import { learnedScales } from "../supernet/OperandScale.ts"
import { parts } from "../tensor/Amax.ts"
import { codeOf, valueOfCode } from "./Encoding.ts"
import { type FoundModel, type Values, valuesNamed } from "./FoundModel.ts"

const { fround } = Math
const smallestNormal = 2 ** -126

/** What one scale of the codes covers. */
export type Scales =
  | { readonly kind: "none" }
  | { readonly kind: "tensor"; readonly scale: number }
  | { readonly kind: "channels"; readonly axis: number; readonly scales: Float32Array }
  | {
      readonly kind: "blocks"
      readonly axis: number
      /** Elements of a block along `axis`; the last block may be short. */
      readonly size: number
      /** Shape of the weight with the number of blocks along `axis`, row-major. */
      readonly scales: Float32Array
      /** What a block scale is: a float32 number, a power of two of eight bits, or an E4M3 number under `tensorScale`. */
      readonly type: "float32" | "E8M0" | "E4M3"
      /** 1 where there is none. */
      readonly tensorScale: number
    }

export interface Codes {
  readonly format: Format
  readonly shape: ReadonlyArray<number>
  /** Of every element, as `Encoding.ts` says. */
  readonly codes: Int32Array
  readonly scales: Scales
}

/** A weight in FP32 has no codes: its values as they are. */
export type Stored = Codes | { readonly format: Format; readonly values: Float32Array }
export const isCoded = (stored: Stored): stored is Codes => "codes" in stored

/** Which scale each element has. */
interface Groups {
  readonly count: number
  /** Of the element at this place of the row-major order. */
  readonly of: (place: number) => number
}

const oneGroup: Groups = { count: 1, of: () => 0 }

const innerOf = (shape: ReadonlyArray<number>, axis: number): number =>
  shape.slice(axis + 1).reduce((a, b) => a * b, 1)

const channelGroups = (shape: ReadonlyArray<number>, axis: number): Groups => {
  const [count, inner] = [shape[axis]!, innerOf(shape, axis)]
  return { count, of: (place) => Math.floor(place / inner) % count }
}

const blockGroups = (shape: ReadonlyArray<number>, axis: number, size: number): Groups => {
  const [channels, inner] = [shape[axis]!, innerOf(shape, axis)]
  const blocks = Math.ceil(channels / size)
  const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1)
  return {
    count: outer * blocks * inner,
    of: (place) => {
      const line = Math.floor(place / inner)
      const block = Math.floor((line % channels) / size)
      return (Math.floor(line / channels) * blocks + block) * inner + (place % inner)
    },
  }
}

/** max |x| of every group. */
const largestOf = (x: Float32Array, { count, of }: Groups): Float32Array => {
  const largest = new Float32Array(count)
  for (let i = 0; i < x.length; i++) {
    const group = of(i)
    const size = Math.abs(x[i]!)
    if (size > largest[group]!) largest[group] = size
  }
  return largest
}

/** The values of every group, in the order of x. */
const membersOf = (x: Float32Array, { count, of }: Groups): ReadonlyArray<Float32Array> => {
  const members = Array.from({ length: count }, (): Array<number> => [])
  for (let i = 0; i < x.length; i++) members[of(i)]!.push(x[i]!)
  return members.map((some) => Float32Array.from(some))
}

/** The magnitude beyond which the values of each group saturate. */
const amaxesOf = (
  x: Float32Array,
  groups: Groups,
  row: Row,
  rule: Layer["scaleRule"],
): Float32Array => {
  if (rule === "mse")
    return Float32Array.from(membersOf(x, groups), (some) => leastErrorReference(some, row, parts))
  if (typeof rule === "object")
    return Float32Array.from(membersOf(x, groups), (some) =>
      percentileReference(some, rule.percentile),
    )
  return largestOf(x, groups)
}

const encode = (
  x: Float32Array,
  format: Format,
  row: Row,
  scaleAt: (place: number) => number,
): Int32Array => {
  const codes = new Int32Array(x.length)
  for (let i = 0; i < x.length; i++) {
    const s = scaleAt(i)
    // A scale of zero stands for zeros.
    const q = s < smallestNormal ? x[i]! / Infinity : roundByRow(fround(x[i]! / s), row)
    codes[i] = codeOf(q + row.zero, format)
  }
  return codes
}

const ownBlocks = ({ shape, values: x }: Values, format: Format, row: Row, axis: number): Codes => {
  const size = format.block!.size
  const groups = blockGroups(shape, axis, size)
  const tensorScale = tensorScaleOf(absMax(x), row)
  const scales = largestOf(x, groups).map((largest) => blockScaleOf(largest, row, tensorScale))
  const codes = encode(x, format, row, (i) => fround(scales[groups.of(i)]! * tensorScale))
  const type = format.block!.scale
  return { format, shape, codes, scales: { kind: "blocks", axis, size, scales, type, tensorScale } }
}

/**
 * The weight of a layer of a child network. `learnedScale` is there under the rule `learned`, where the format has such.
 *
 * Throws where a value is not finite: no code stands for it.
 */
export const codesOf = (weight: Values, layer: Layer, learnedScale?: number): Stored => {
  const format = layer.weightFormat.formats[0]!
  const { shape, values: x } = weight
  if (!x.every(Number.isFinite)) throw new Error(`the weight of ${layer.path} is not finite`)
  if (format.mantissaBits >= 23) return { format, values: x }
  const exact = toRow(format, layer.sharedExponent)
  const row = mapColumns((column) => fround(exact[column]))
  const blockAxis = shape.length - 2
  if (format.block !== undefined) return ownBlocks(weight, format, row, blockAxis)
  if (!format.scaled)
    return { format, shape, codes: encode(x, format, row, () => 1), scales: { kind: "none" } }
  const axis = layer.kind === "depthwiseConv" ? shape.length - 2 : shape.length - 1
  const granularity = layer.weightGranularity ?? "tensor"
  const size = layer.blockSize ?? 0
  const groups =
    granularity === "channel"
      ? channelGroups(shape, axis)
      : granularity === "block"
        ? blockGroups(shape, blockAxis, size)
        : oneGroup
  if (layer.scaleRule === "learned" && !(learnedScale !== undefined && learnedScale > 0))
    throw new Error(`the weight of ${layer.path} has no learned scale`)
  const magnitudes =
    learnedScale === undefined
      ? amaxesOf(x, groups, row, layer.scaleRule)
      : new Float32Array(groups.count).fill(fround(learnedScale * row.scaleBy))
  const scales = magnitudes.map((magnitude) => scaleOf(magnitude, row))
  const codes = encode(x, format, row, (i) => scales[groups.of(i)]!)
  const stored = { format, shape, codes }
  if (granularity === "channel") return { ...stored, scales: { kind: "channels", axis, scales } }
  if (granularity === "block")
    return {
      ...stored,
      scales: { kind: "blocks", axis: blockAxis, size, scales, type: "float32", tensorScale: 1 },
    }
  return { ...stored, scales: { kind: "tensor", scale: scales[0]! } }
}

/** The values that codes and scales stand for: those that the network multiplies with. */
export const valuesOf = (stored: Stored): Float32Array => {
  if (!isCoded(stored)) return stored.values
  const { codes, format, scales, shape } = stored
  const scaleAt = ((): ((place: number) => number) => {
    switch (scales.kind) {
      case "none":
        return () => 1
      case "tensor":
        return () => scales.scale
      case "channels": {
        const groups = channelGroups(shape, scales.axis)
        return (place) => scales.scales[groups.of(place)]!
      }
      case "blocks": {
        const groups = blockGroups(shape, scales.axis, scales.size)
        return (place) => scales.scales[groups.of(place)]!
      }
    }
  })()
  const tensorScale = scales.kind === "blocks" ? scales.tensorScale : 1
  return Float32Array.from(codes, (code, i) =>
    fround(fround(valueOfCode(code, format) * scaleAt(i)) * tensorScale),
  )
}

/** The weight of a layer of a found model, and how it is stored. */
export const weightOf = (
  model: Pick<FoundModel, "weights">,
  layer: Layer,
): { readonly weight: Values; readonly stored: Stored } => {
  const weight = valuesNamed(model, `${layer.path}.weight`)
  const learned = learnedScales(layer).weights
  const scale = learned === undefined ? undefined : model.weights.get(learned.name)?.values[0]
  return { weight, stored: codesOf(weight, layer, scale) }
}
