/**
 * The weight-sharing network on tensors: its variables, and one forward pass under a policy that is data.
 *
 * A policy is two tensors: `rows` [sites, rowLength] holds the number format of every operand (`network/Sites.ts` says
 * which row), `sizes` [quantities] the architecture. Both change every step without a new graph. Where probabilities are given, an operand whose format is searched takes the weighted mean over all of its
 * formats instead. Variables have the shape of the largest network; a smaller one is cut from them. Left out: training
 * (`train/`), which choice is best.
 */
import type { Layer } from "../cost/LayerTable.ts"
import { rowLength, rowNumbers } from "../format/Row.ts"
import type { Choices } from "../space/Decision.ts"
import {
  constant,
  isConstant,
  maximum,
  ofDecision,
  type Quantity,
  valueOf,
} from "../space/Quantity.ts"
import { randomStream } from "../space/Random.ts"
import { tf } from "../tensor/Backend.ts"
import type { Tensor, Tensor1D, Tensor2D, Variable } from "../tensor/Backend.ts"
import { cut, cutAverages, type Size } from "../tensor/Cut.ts"
import type { RunningAverages } from "../tensor/Norms.ts"
import type { Network } from "../network/Build.ts"
import {
  type LearnedScale,
  learnedScales,
  type Mixture,
  neverRounds,
  quantizeOperand,
  roundAt,
} from "./OperandScale.ts"
import { type Mode, type VariableSpec } from "./operation/Operation.ts"
import { operationOf } from "./operation/Operations.ts"
import {
  type ActivationSite,
  activationSites,
  formatSites,
  type Operand,
  operands,
  productsOf,
  siteOf,
} from "../network/Sites.ts"
import { type Node, type ProductOperand, productOperands } from "../network/Graph.ts"
import { sizesOf } from "../network/SearchedFields.ts"

/** The policy as a step reads it. */
export interface PolicyTensors {
  /** [sites, rowLength]: format rows, as `Sites.ts` orders them. */
  readonly rows: Tensor2D
  /** [sites]: frozen largest magnitudes; 0 takes them from the tensor at hand. */
  readonly amax: Tensor1D
  /** int32 [searched sizes] */
  readonly sizes: Tensor1D
  /** Every searched format in the proportion of its probability; scales then come from the tensor at hand. */
  readonly relaxed?: Relaxed
}

export interface Relaxed {
  /** Format site -> [options of its decision]; a tensor for each site, so that each has its own gradient. */
  readonly probabilities: ReadonlyMap<number, Tensor1D>
  /** Elements of the roundings that a pass keeps for its gradient; a pass adds its own. */
  copied: number
}

/** What a `measure` pass saw, for re-estimation. */
export interface Observed {
  /** Path of a norm -> its batch mean and variance, each [channels], kept: the caller disposes of them. */
  readonly norms: Map<string, readonly [Tensor, Tensor]>
  /** Site of an activation -> the magnitude that its frozen scale comes from, a scalar. */
  readonly activations: Map<number, Tensor>
}

export interface NamedVariable {
  readonly name: string
  readonly kind: VariableSpec["kind"]
  readonly decay: boolean
  readonly variable: Variable
  /** Of a learned scale: the names of the formats that its elements are for. */
  readonly formats?: ReadonlyArray<string>
}

export interface Supernet {
  readonly network: Network
  readonly variables: ReadonlyArray<NamedVariable>
  /** Number of format rows. */
  readonly sites: number
  readonly activations: ReadonlyArray<ActivationSite>
  /** The sites whose format is searched, each with its decision: those that `Relaxed` names. */
  readonly searchedSites: ReadonlyArray<readonly [site: number, decision: number]>
  /** Values of `PolicyTensors.rows` under these choices, row-major. */
  readonly rowsOf: (choices: Choices) => Float32Array
  /** Values of `PolicyTensors.sizes` under these choices. */
  readonly sizesOf: (choices: Choices) => Int32Array
  /**
   * Logits [batch, classes] of normalised images [batch, height, width, channels]. `seed` int32 [2], another one every
   * step, is for dropout and is read in `train` mode only.
   */
  readonly forward: (
    images: Tensor,
    policy: PolicyTensors,
    mode: Mode,
    observed?: Observed,
    seed?: Tensor,
  ) => Tensor
  readonly dispose: () => void
}

const initialValues = (spec: VariableSpec, seed: number, name: string): Float32Array => {
  const values = new Float32Array(spec.shape.reduce((a, b) => a * b, 1))
  if (spec.initial === "ones") return values.fill(1)
  if (spec.initial === "zeros") return values
  const deviation = Math.sqrt(spec.initial.gain / spec.initial.fanIn)
  const random = randomStream(seed, `weights/${name}`)
  for (let i = 0; i < values.length; i++) values[i] = random.normal() * deviation
  return values
}

/** Makes the variables of a network, drawn from the stream `weights` of `seed`. The backend must be loaded. */
export const makeSupernet = (network: Network, seed: number): Supernet => {
  const { graph, table } = network
  const products = productsOf(network)
  const formats = formatSites(network)
  const variables: Array<NamedVariable> = []
  const byName = new Map<string, Variable>()
  for (const node of graph.nodes) {
    if (node.operation === "input") continue
    for (const spec of operationOf(node).variables(node)) {
      const name = `${node.path}.${spec.name}`
      const values = initialValues(spec, seed, name)
      const variable = tf.tidy(() =>
        tf.variable(tf.tensor(values, [...spec.shape]), spec.kind === "trained"),
      )
      variables.push({ name, kind: spec.kind, decay: spec.decay, variable })
      byName.set(name, variable)
    }
  }

  /** Site -> the option of its format, as a number that the policy knows. */
  const options = new Map<number, Quantity>()
  table.layers.forEach((layer, i) =>
    operands.forEach((operand) => {
      const learned = learnedScales(layer)[operand]
      if (learned === undefined) return
      const { name, slot } = learned
      const formats = slot.formats.map((format) => format.name)
      const variable = tf.tidy(() => tf.variable(tf.zeros([formats.length])))
      variables.push({ name, kind: "trained", decay: false, variable, formats })
      byName.set(name, variable)
      const option =
        slot.decision === null ? constant(0) : ofDecision(slot.decision, [...formats.keys()])
      options.set(siteOf(i, operand), option)
    }),
  )

  const searched: Array<Quantity> = []
  const slotOf = (quantity: Quantity): number => {
    const known = searched.indexOf(quantity)
    return known === -1 ? searched.push(quantity) - 1 : known
  }
  for (const node of graph.nodes) {
    for (const quantity of sizesOf(node)) if (!isConstant(quantity)) slotOf(quantity)
  }

  for (const option of options.values()) if (!isConstant(option)) slotOf(option)
  if (options.size > 0)
    for (const { active } of table.layers) if (!isConstant(active)) slotOf(active)

  const forward: Supernet["forward"] = (images, policy, mode, observed, seed) => {
    const size = (quantity: Quantity): Size =>
      isConstant(quantity)
        ? maximum(quantity)
        : tf.slice(policy.sizes, [slotOf(quantity)], [1]).reshape([])
    const cutTo = (variable: Variable, sizes: ReadonlyArray<Quantity>, centred = 0): Tensor =>
      cut(variable, sizes.map(size), centred)
    const averages = (node: Node, mean: Variable, variance: Variable): RunningAverages =>
      cutAverages(
        mean,
        variance,
        size(node.shape.channels),
        isConstant(node.active) ? undefined : (size(node.active) as Tensor),
      )
    /** All formats of a site, where the policy weights them. */
    const mixtureAt = (site: number, x: Tensor): { readonly mixture?: Mixture } => {
      const probabilities = policy.relaxed?.probabilities.get(site)
      if (probabilities === undefined) return {}
      const { rows } = formats[site]!
      policy.relaxed!.copied += rows.length * x.size
      return {
        mixture: {
          rows: tf.tensor2d(rows.flatMap(rowNumbers), [rows.length, rowLength]),
          probabilities,
        },
      }
    }
    const asTensor = (quantity: Quantity): Tensor => {
      const now = size(quantity)
      return typeof now === "number" ? tf.scalar(now, "int32") : now
    }
    const learned = (name: string, site: number, { active }: Layer): LearnedScale => ({
      variable: byName.get(name)!,
      option: asTensor(options.get(site)!),
      ...(isConstant(active) ? {} : { active: asTensor(active) }),
    })
    const quantize = (operand: Operand, layer: number, x: Tensor): Tensor => {
      const site = siteOf(layer, operand)
      const scale = learnedScales(table.layers[layer]!)[operand]
      return quantizeOperand(x, {
        operand,
        layer: table.layers[layer]!,
        site,
        rows: policy.rows,
        amax: policy.amax,
        mode,
        ...mixtureAt(site, x),
        ...(scale === undefined
          ? {}
          : { learned: learned(scale.name, site, table.layers[layer]!) }),
        ...(operand === "weights" || observed === undefined
          ? {}
          : { observe: (magnitude) => observed.activations.set(site, magnitude) }),
      })
    }
    const quantizeProduct =
      (node: Node) =>
      (operand: ProductOperand, x: Tensor, blockAxis: number): Tensor => {
        const found = products.find(({ path }) => path === node.path)
        if (found === undefined) return x
        const site = found.site + productOperands.indexOf(operand)
        observed?.activations.set(site, tf.max(tf.abs(x)))
        if (neverRounds(found.slot)) return x
        const inBlocks = found.slot.formats.some(({ block }) => block !== undefined)
        const { rows, amax } = policy
        const at = { site, rows, amax, ...mixtureAt(site, x) }
        return roundAt(x, at, inBlocks ? { blockAxis } : {})
      }
    const results: Array<Tensor> = []
    for (const node of graph.nodes) {
      if (node.operation === "input") {
        results.push(images)
        continue
      }
      const inputs = node.inputs.map((i) => results[i]!)
      const variable = (name: string): Variable => byName.get(`${node.path}.${name}`)!
      const observeNorm = (path: string, mean: Tensor, variance: Tensor): void => {
        observed?.norms.set(path, [tf.keep(mean), tf.keep(variance)])
      }
      results.push(
        operationOf(node).forward(node, inputs, {
          mode,
          ...(seed === undefined ? {} : { seed }),
          variable,
          size,
          cut: cutTo,
          averages,
          quantize,
          quantizeProduct: quantizeProduct(node),
          observeNorm,
        }),
      )
    }
    return results[graph.output]!
  }

  return {
    network,
    variables,
    sites: formats.length,
    activations: activationSites(network),
    searchedSites: formats.flatMap(({ decision }, site) =>
      decision === null ? [] : [[site, decision] as const],
    ),
    rowsOf: (choices) =>
      Float32Array.from(
        formats.flatMap(({ decision, rows }) =>
          rowNumbers(rows[decision === null ? 0 : choices[decision]!]!),
        ),
      ),
    sizesOf: (choices) => Int32Array.from(searched.map((quantity) => valueOf(quantity, choices))),
    forward,
    dispose: () => variables.forEach(({ variable }) => variable.dispose()),
  }
}
