/**
 * How a layer's weight or input gets its scale, and is rounded with it: rule and granularity of the layer, the frozen
 * magnitudes of a network that is finished. Left out: which format it takes (the rows of the policy).
 */
import type { FormatSlot, Layer } from "../cost/LayerTable.ts"
import { fakeQuantize, type FakeQuantizeOptions } from "../quantizer/FakeQuantize.ts"
import { fakeQuantizeLearned, learnedAmax } from "../quantizer/LearnedScale.ts"
import { relaxedQuantize } from "../quantizer/RelaxedQuantize.ts"
import { amaxesOf } from "../quantizer/ScaleRule.ts"
import { tf } from "../tensor/Backend.ts"
import type { Tensor, Tensor1D, Tensor2D, Variable } from "../tensor/Backend.ts"
import { spanOf } from "../tensor/Amax.ts"
import { firstScale, scaleOfOption } from "../tensor/ScaleGradient.ts"
import { rowsAsTokens, tokensAsRows } from "../tensor/Tokens.ts"
import type { Operand } from "../network/Sites.ts"
import type { Mode } from "./operation/Operation.ts"

/** Where the learned scales of an operand are. */
export interface LearnedScale {
  /** [options of its format], 0 before first use */
  readonly variable: Variable
  /** int32 scalar: the option it takes. */
  readonly option: Tensor
  /** int32 scalar, 0 or 1: whether the layer runs; absent: always. */
  readonly active?: Tensor
}

/** All formats of an operand at once, each in the proportion of its probability. */
export interface Mixture {
  /** [options, rowLength] */
  readonly rows: Tensor2D
  /** [options] */
  readonly probabilities: Tensor1D
}

/** Which format an operand takes. */
export interface OperandFormat {
  /** Row of the operand in `rows` and `amax`. */
  readonly site: number
  readonly rows: Tensor2D
  readonly amax: Tensor1D
  /** Instead of the row. */
  readonly mixture?: Mixture
}

export interface OperandOptions extends OperandFormat {
  readonly operand: Operand
  readonly layer: Layer
  readonly mode: Mode
  /** There under the rule `learned`, where a format has a float32 scale. */
  readonly learned?: LearnedScale
  /** Told what a frozen scale of an input comes from: its magnitude, and where it may have a zero point its lower end. */
  readonly observe?: (amax: Tensor, least?: Tensor) => void
}

/** FP32 and nothing else: such a site costs no pass over the tensor. */
export const neverRounds = ({ formats }: FormatSlot): boolean =>
  formats.every(({ name }) => name === "FP32")

/** Whether one of the formats has a zero point. */
export const mayHaveZeroPoint = ({ formats }: FormatSlot): boolean =>
  formats.some(({ zeroPoint }) => zeroPoint !== undefined)

/** x rounded to the format of its site, or to the mixture of all. */
export const roundAt = (
  x: Tensor,
  { site, rows, amax, mixture }: OperandFormat,
  options: FakeQuantizeOptions,
): Tensor =>
  mixture === undefined
    ? fakeQuantize(x, rows, site, amax, options)
    : relaxedQuantize(x, mixture.rows, mixture.probabilities, options)

/** x rounded to the format of its site, in the same shape. */
export const quantizeOperand = (x: Tensor, options: OperandOptions): Tensor => {
  const { operand, layer } = options
  const isWeight = operand === "weights"
  const slot = isWeight ? layer.weightFormat : layer.activationFormat
  if (neverRounds(slot)) {
    options.observe?.(tf.max(tf.abs(x)))
    return x
  }
  const scales = (isWeight ? layer.weightGranularity : layer.activationGranularity) ?? "tensor"
  const zeroPoints = mayHaveZeroPoint(slot)
  const inBlocks = scales === "block" || slot.formats.some(({ block }) => block !== undefined)
  if (scales === "token" && x.rank === 3) {
    const granularity = { zeroPoints, axis: 0, ...(inBlocks ? { blockAxis: 1 } : {}) }
    return rowsAsTokens(quantizeUnderRule(tokensAsRows(x), granularity, true, options), x)
  }
  const granularity = {
    zeroPoints,
    // output channels: the last dimension of [.., in, out], but of a depthwise [h, w, channels, 1] the one before
    ...(scales === "channel"
      ? { axis: layer.kind === "depthwiseConv" ? x.rank - 2 : x.rank - 1 }
      : {}),
    // input channels: of an image or a vector the last dimension, of a weight [.., in, out] the one before
    ...(inBlocks ? { blockAxis: isWeight ? x.rank - 2 : x.rank - 1 } : {}),
    ...(scales === "block" ? { blockSize: layer.blockSize! } : {}),
  }
  return quantizeUnderRule(x, granularity, isWeight || scales === "block", options)
}

/** Tells what a frozen scale of x comes from; `limit` [1] is the magnitude beyond which values saturate. */
const observeEnds = (
  x: Tensor,
  rows: Tensor2D,
  site: number,
  { zeroPoints }: FakeQuantizeOptions,
  observe: OperandOptions["observe"],
  limit?: Tensor1D,
): void => {
  if (observe === undefined) return
  if (zeroPoints !== true) {
    observe(limit === undefined ? tf.max(tf.abs(x)) : tf.reshape(limit, []))
    return
  }
  const { amax, least } = spanOf(x, rows, site, limit)
  observe(amax, least)
}

/** x rounded under the rule of its layer. `isOwn`: its scales always come from x itself, and are never frozen. */
const quantizeUnderRule = (
  x: Tensor,
  granularity: FakeQuantizeOptions,
  isOwn: boolean,
  { operand, layer, mode, learned, observe, ...format }: OperandOptions,
): Tensor => {
  const { site, rows, mixture } = format
  const declared = layer.scaleRule ?? "absmax"
  const rule = declared === "learned" && learned === undefined ? "absmax" : declared
  if (rule === "absmax") observeEnds(x, rows, site, granularity, observe)
  if (rule === "absmax" || (mode === "infer" && !isOwn)) return roundAt(x, format, granularity)
  if (rule === "learned") {
    if (mixture !== undefined) throw new Error("formats with learned scales cannot be weighted")
    const first = firstScale(x, rows, site)
    const { variable, option, active } = learned!
    const scale = scaleOfOption(variable, option, first, mode === "train", active)
    const amax = learnedAmax(x, scale, rows, site)
    observe?.(tf.reshape(amax, []))
    const { blockAxis = -1 } = granularity
    return fakeQuantizeLearned(x, scale, rows, site, {
      amax,
      blockAxis,
      perExample: operand === "activations",
    })
  }
  if (mixture !== undefined) {
    const amaxesOfOptions = Array.from({ length: mixture.rows.shape[0] }, (_, k) =>
      amaxesOf(x, mixture.rows, k, rule, granularity),
    )
    return relaxedQuantize(x, mixture.rows, mixture.probabilities, granularity, amaxesOfOptions)
  }
  const amaxes = amaxesOf(x, rows, site, rule, granularity)
  observeEnds(x, rows, site, granularity, observe, isOwn ? undefined : amaxes)
  return roundAt(x, format, { ...granularity, amaxes })
}

export interface LearnedSpec {
  /** Path of the layer and the operand's name: `stem.weightScale`. */
  readonly name: string
  readonly slot: FormatSlot
}

/** Whether a variable of this name is a learned scale: one number for each format of the search it was trained in. */
export const isLearnedScale = (name: string): boolean => /\.(?:weight|input)Scale$/u.test(name)

/** The learned scales of a layer: its weight's and its input's, where a format has one. */
export const learnedScales = ({
  path,
  scaleRule,
  weightFormat,
  activationFormat,
}: Layer): { readonly weights?: LearnedSpec; readonly activations?: LearnedSpec } => {
  const has = ({ formats }: FormatSlot) =>
    scaleRule === "learned" && formats.some(({ scaled, block }) => scaled && block === undefined)
  return {
    ...(has(weightFormat) ? { weights: { name: `${path}.weightScale`, slot: weightFormat } } : {}),
    ...(has(activationFormat)
      ? { activations: { name: `${path}.inputScale`, slot: activationFormat } }
      : {}),
  }
}
