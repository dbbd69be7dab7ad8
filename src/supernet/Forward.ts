/**
 * One pass through the supernet: every operation of the graph in order, on weights that are cut to the sizes and
 * rounded to the formats that the policy gives.
 *
 * Left out: the operations themselves (`operation/`), how an operand gets its scale (`OperandScale.ts`).
 */
import { rowLength, rowNumbers } from "../format/Row.ts"
import type { Network } from "../network/Network.ts"
import { type Node, type ProductOperand, productOperands } from "../network/Graph.ts"
import { type FormatSite, type Operand, type Products, siteOf } from "../network/Sites.ts"
import { isConstant, maximum, type Quantity } from "../space/Quantity.ts"
import { tf } from "../tensor/Backend.ts"
import type { Tensor, Variable } from "../tensor/Backend.ts"
import { spanOf } from "../tensor/Amax.ts"
import { cut, cutAverages, type Size } from "../tensor/Cut.ts"
import type { RunningAverages } from "../tensor/Norms.ts"
import {
  type LearnedScale,
  learnedScales,
  mayHaveZeroPoint,
  type Mixture,
  neverRounds,
  quantizeOperand,
  roundAt,
} from "./OperandScale.ts"
import type { Context, Mode } from "./operation/Operation.ts"
import { operationOf } from "./operation/Operations.ts"
import type { Observed, PolicyTensors } from "./PolicyTensors.ts"
import type { SearchedSizes } from "./SearchedSizes.ts"

/** A supernet as a pass reads it. */
export interface Parts {
  readonly network: Network
  readonly variables: ReadonlyMap<string, Variable>
  readonly formats: ReadonlyArray<FormatSite>
  /** Path of an attention -> its quantized products. */
  readonly products: ReadonlyMap<string, Products>
  readonly sizes: SearchedSizes
  /** Whether a decision chooses the size of the images. */
  readonly isSizeSearched: boolean
  /** Site of a learned scale -> the option of its format. */
  readonly scaleOptions: ReadonlyMap<number, Quantity>
}

/** One pass: what it runs on, and what it runs under. */
export interface Pass {
  readonly parts: Parts
  readonly policy: PolicyTensors
  readonly mode: Mode
  /** Filled by the pass. */
  readonly observed?: Observed | undefined
  /** int32 [2], for dropout; read in `train` mode only. */
  readonly seed?: Tensor | undefined
}

const sizeIn = ({ parts, policy }: Pass, quantity: Quantity): Size => {
  if (isConstant(quantity)) return maximum(quantity)
  const place = parts.sizes.get(quantity)
  if (place === undefined) throw new Error("a searched size that no field of the graph has")
  return tf.slice(policy.sizes, [place], [1]).reshape([])
}

const sizeTensor = (pass: Pass, quantity: Quantity): Tensor => {
  const size = sizeIn(pass, quantity)
  return typeof size === "number" ? tf.scalar(size, "int32") : size
}

const averagesOf = (
  pass: Pass,
  { active, shape }: Node,
  mean: Variable,
  variance: Variable,
): RunningAverages =>
  cutAverages(
    mean,
    variance,
    sizeIn(pass, shape.channels),
    isConstant(active) ? undefined : sizeTensor(pass, active),
  )

/** All formats of a site, where the policy weights them. */
const mixtureAt = (
  { parts, policy: { relaxed } }: Pass,
  site: number,
  x: Tensor,
): { readonly mixture?: Mixture } => {
  const probabilities = relaxed?.probabilities.get(site)
  if (relaxed === undefined || probabilities === undefined) return {}
  const { rows } = parts.formats[site]!
  relaxed.copied += rows.length * x.size
  return {
    mixture: {
      rows: tf.tensor2d(rows.flatMap(rowNumbers), [rows.length, rowLength]),
      probabilities,
    },
  }
}

/** The learned scale of an operand, where it has one. */
const learnedAt = (
  pass: Pass,
  operand: Operand,
  index: number,
  site: number,
): { readonly learned?: LearnedScale } => {
  const { network, scaleOptions, variables } = pass.parts
  const layer = network.table.layers[index]!
  const scale = learnedScales(layer)[operand]
  if (scale === undefined) return {}
  return {
    learned: {
      variable: variables.get(scale.name)!,
      option: sizeTensor(pass, scaleOptions.get(site)!),
      ...(isConstant(layer.active) ? {} : { active: sizeTensor(pass, layer.active) }),
    },
  }
}

/** The weight or the input of a layer, rounded to the format of its site. */
const quantizeLayerOperand = (pass: Pass, operand: Operand, index: number, x: Tensor): Tensor => {
  const { mode, observed, policy } = pass
  const site = siteOf(index, operand)
  return quantizeOperand(x, {
    operand,
    layer: pass.parts.network.table.layers[index]!,
    site,
    rows: policy.rows,
    amax: policy.amax,
    mode,
    ...mixtureAt(pass, site, x),
    ...learnedAt(pass, operand, index, site),
    ...(operand === "weights" || observed === undefined
      ? {}
      : {
          observe: (amax, least) => {
            observed.activations.set(site, amax)
            if (least !== undefined) observed.leasts.set(site, least)
          },
        }),
  })
}

/** An operand of attention's products, rounded to the format of its site where products are quantized. */
const quantizeProductOperand = (
  pass: Pass,
  path: string,
  operand: ProductOperand,
  x: Tensor,
  blockAxis: number,
): Tensor => {
  const products = pass.parts.products.get(path)
  if (products === undefined) return x
  const { slot } = products
  const site = products.site + productOperands.indexOf(operand)
  const { amax, rows } = pass.policy
  const zeroPoints = mayHaveZeroPoint(slot)
  const { observed } = pass
  if (observed !== undefined && zeroPoints) {
    const { amax: span, least } = spanOf(x, rows, site)
    observed.activations.set(site, span)
    observed.leasts.set(site, least)
  } else observed?.activations.set(site, tf.max(tf.abs(x)))
  if (neverRounds(slot)) return x
  const hasBlocks = slot.formats.some(({ block }) => block !== undefined)
  const format = { site, rows, amax, ...mixtureAt(pass, site, x) }
  return roundAt(x, format, { zeroPoints, ...(hasBlocks ? { blockAxis } : {}) })
}

/** The pass as the operation of one node sees it. */
const contextOf = (pass: Pass, node: Node): Context => ({
  mode: pass.mode,
  ...(pass.seed === undefined ? {} : { seed: pass.seed }),
  variable: (name) => pass.parts.variables.get(`${node.path}.${name}`)!,
  isSizeSearched: pass.parts.isSizeSearched,
  size: (quantity) => sizeIn(pass, quantity),
  cut: (variable, sizes, centred = 0) =>
    cut(
      variable,
      sizes.map((quantity) => sizeIn(pass, quantity)),
      centred,
    ),
  averages: (of, mean, variance) => averagesOf(pass, of, mean, variance),
  quantize: (operand, layer, x) => quantizeLayerOperand(pass, operand, layer, x),
  quantizeProduct: (operand, x, blockAxis) =>
    quantizeProductOperand(pass, node.path, operand, x, blockAxis),
  observeNorm: (path, mean, variance) => {
    pass.observed?.norms.set(path, [tf.keep(mean), tf.keep(variance)])
  },
})

/** Logits [batch, classes] of normalised images [batch, height, width, channels]. */
export const forward = (pass: Pass, images: Tensor): Tensor => {
  const { nodes, output } = pass.parts.network.graph
  const results: Array<Tensor> = []
  for (const node of nodes) {
    const inputs = node.inputs.map((i) => results[i]!)
    results.push(
      node.operation === "input"
        ? images
        : operationOf(node).forward(node, inputs, contextOf(pass, node)),
    )
  }
  return results[output]!
}
