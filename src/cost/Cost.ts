/**
 * What a cost model is, and a cost compiled for one network: exact for an assignment, exact in expectation.
 *
 * A cost is a sum of terms, one per layer, each a table over the few decisions it depends on (0 where the layer is
 * inactive). Such a sum is multilinear in the decisions' probabilities, so its expectation under independent
 * categoricals, and the gradient of that, have a closed form: no sampling, no network, well under a millisecond.
 * Terms over the same decisions are added up once, here. Left out: the models (one file each), the range (`Range.ts`).
 */
import { Schema } from "effect"
import type { Problem } from "../declaration/Errors.ts"
import { field } from "../declaration/Field.ts"
import type { NamedFiles } from "../declaration/NamedFile.ts"
import { FormatOption } from "../format/FormatName.ts"
import type { Choices, DecisionSpace } from "../space/Decision.ts"
import { type Quantity, valueOf } from "../space/Quantity.ts"
import type { Layer, LayerTable } from "./LayerTable.ts"
import { type CostRange, rangeOf } from "./Range.ts"
import { addUp } from "./Table.ts"

/** A number in the unit of the model, or a multiple of the cost of one format, or one pair, everywhere. */
export const Target = Schema.Union([
  Schema.Finite.check(Schema.isGreaterThan(0)),
  Schema.Struct({
    times: field(
      Schema.Finite.check(Schema.isGreaterThan(0)),
      "Target over the cost of `uniform` everywhere, above 0.",
      { examples: [1] },
    ),
    uniform: field(
      FormatOption,
      "Format, or pair of formats, whose cost, taken everywhere, is the measure.",
    ),
  }),
]).annotate({
  identifier: "CostTarget",
  description:
    "What the network may cost: a number in the unit of the cost, or so many times the cost of one format everywhere.",
  examples: [{ times: 1, uniform: "INT4" }, 0.5],
})

export type Target = typeof Target.Type

/** The unit in which a cost is counted. */
export interface CostUnit {
  readonly kind: string
  /** Unit of costs and targets: `GBOPs`, `bytes`. */
  readonly unit: string
  /** Printed costs are divided by `scale` and in `printUnit`. */
  readonly scale: number
  readonly printUnit: string
}

/** A cost model of a layer. */
export interface CostModel extends CostUnit {
  readonly layerCost: (layer: Layer) => Quantity
}

/** How `fliqs cost` shows a cost: a column of its table and a key of its JSON. */
export interface CostColumn {
  /** `weightBytes` */
  readonly key: string
  /** `weight kB` */
  readonly heading: string
  /** The column shows the cost of a layer divided by this. */
  readonly scale: number
  /** The words after the unit of the total: `of weights`. */
  readonly of?: string
  /** If costs are whole multiples of 1 / `parts`, they are summed as integers, without rounding errors of float64. */
  readonly parts?: number
  /** For a kind with a file: the help text of the flag that names the file and adds the column. */
  readonly flag?: string
}

/** The block of a cost in an experiment. */
interface CostBlock {
  readonly kind: string
  readonly target: Target
}

/** One kind of cost. Adding one is a file here and an entry in `Costs.ts`. */
export interface CostKind<Spec extends CostBlock = CostBlock> extends CostUnit {
  readonly spec: Schema.Codec<Spec, { readonly kind: string }>
  readonly column: CostColumn
  /** Makes the model. Files that the block names must have been read and be without problems. */
  layerCost(layer: Layer, spec: Spec): Quantity
  /** The files that the block may name, by key. */
  readonly files?: NamedFiles
  /**
   * What prevents the block from costing these layers, by paths into the block. Its files were read and have no problems;
   * `fill` is the command that adds what they lack.
   */
  problems?(spec: Spec, layers: LayerTable, fill: string): ReadonlyArray<Problem>
  /** The block with only those contents that the cost of these layers depends on: an id is made from it. */
  identity?(spec: Spec, layers: LayerTable): Spec
}

/** Probabilities per decision and option, in the order of the space. */
export type Probabilities = ReadonlyArray<Float64Array>

export interface CompiledCost {
  readonly model: CostModel
  /** One per layer, in the order of the table: shares of the cost are `valueOf(term, choices)`. */
  readonly terms: ReadonlyArray<Quantity>
  /** The terms over the same decisions added up; `of` adds these in this order, starting from 0. */
  readonly factors: ReadonlyArray<Quantity>
  /** The cost of one assignment. */
  readonly of: (choices: Choices) => number
  /** E[cost] if every decision is drawn independently. */
  readonly expected: (probabilities: Probabilities) => number
  /** d E[cost] / d probability, per decision and option. */
  readonly gradient: (probabilities: Probabilities) => Array<Float64Array>
  /**
   * The exact cost for every option of one decision, the others as in `choices`. Reads only terms that depend on the
   * decision; passing `total`, the cost of `choices`, avoids summing it again.
   */
  readonly withChoice: (choices: Choices, decision: number, total?: number) => Float64Array
  /** The cheapest and the most expensive assignment; computed once. */
  readonly range: () => CostRange
}

export const compile = (
  table: LayerTable,
  model: CostModel,
  space: DecisionSpace,
): CompiledCost => {
  const terms = table.layers.map(model.layerCost)
  return compileTerms(terms, model, space)
}

/** The same for existing terms (tabular problems, latency tables). */
export const compileTerms = (
  terms: ReadonlyArray<Quantity>,
  model: CostModel,
  space: DecisionSpace,
): CompiledCost => {
  const factors = mergeByDecisions(terms)
  const touching = space.decisions.map((_, decision) =>
    factors.filter((factor) => factor.decisions.includes(decision)),
  )
  const sizes = space.decisions.map((decision) => decision.options.length)
  let range: CostRange | undefined

  const of = (choices: Choices): number => {
    let sum = 0
    for (const factor of factors) sum += valueOf(factor, choices)
    return sum
  }

  const expected = (probabilities: Probabilities): number => {
    let sum = 0
    for (const factor of factors) sum += expectation(factor, probabilities)
    return sum
  }

  const gradient = (probabilities: Probabilities): Array<Float64Array> => {
    const result = sizes.map((size) => new Float64Array(size))
    for (const factor of factors) addGradient(factor, probabilities, result)
    return result
  }

  const withChoice = (choices: Choices, decision: number, total = of(choices)): Float64Array => {
    const costs = new Float64Array(sizes[decision]!)
    let rest = total
    for (const factor of touching[decision]!) {
      const { start, stride } = alongDecision(factor, choices, decision)
      rest -= factor.values[start + stride * choices[decision]!]!
      for (let k = 0; k < costs.length; k++) costs[k]! += factor.values[start + stride * k]!
    }
    for (let k = 0; k < costs.length; k++) costs[k]! += rest
    return costs
  }

  return {
    model,
    terms,
    factors,
    of,
    expected,
    gradient,
    withChoice,
    range: () => (range ??= rangeOf(factors, sizes)),
  }
}

const mergeByDecisions = (terms: ReadonlyArray<Quantity>): ReadonlyArray<Quantity> => {
  const groups = new Map<string, Array<Quantity>>()
  for (const term of terms) {
    const key = term.decisions.join()
    const group = groups.get(key)
    if (group) group.push(term)
    else groups.set(key, [term])
  }
  return [...groups.values()].map(addUp)
}

/** Sums over the last decision first: each step multiplies a table by one probability vector. */
const expectation = (factor: Quantity, probabilities: Probabilities): number => {
  let values = factor.values
  for (let i = factor.decisions.length - 1; i >= 0; i--) {
    const p = probabilities[factor.decisions[i]!]!
    const contracted = new Float64Array(values.length / p.length)
    for (let row = 0; row < contracted.length; row++) {
      let sum = 0
      for (let k = 0; k < p.length; k++) sum += values[row * p.length + k]! * p[k]!
      contracted[row] = sum
    }
    values = contracted
  }
  return values[0]!
}

/**
 * Adds the factor's part of the gradient: for option k of one decision, the expectation with that decision fixed at k.
 * The decisions before are contracted once, going left to right; those after, by `expectation` of each slice.
 */
const addGradient = (
  factor: Quantity,
  probabilities: Probabilities,
  gradient: ReadonlyArray<Float64Array>,
): void => {
  /** [options of decision i, of i + 1, ...], the decisions before i contracted. */
  let values = factor.values
  for (let i = 0; i < factor.decisions.length; i++) {
    const decision = factor.decisions[i]!
    const p = probabilities[decision]!
    const slice = values.length / p.length
    const rest = { decisions: factor.decisions.slice(i + 1), sizes: factor.sizes.slice(i + 1) }
    const contracted = new Float64Array(slice)
    for (let k = 0; k < p.length; k++) {
      const of = values.subarray(k * slice, (k + 1) * slice)
      gradient[decision]![k]! += expectation({ ...rest, values: of }, probabilities)
      for (let j = 0; j < slice; j++) contracted[j]! += p[k]! * of[j]!
    }
    values = contracted
  }
}

/** Where the options of `decision` lie in the factor's table, its other decisions as in `choices`. */
const alongDecision = (
  factor: Quantity,
  choices: Choices,
  decision: number,
): { readonly start: number; readonly stride: number } => {
  let start = 0
  let stride = 0
  for (let i = 0; i < factor.decisions.length; i++) {
    const size = factor.sizes[i]!
    const here = decision === factor.decisions[i]
    start = start * size + (here ? 0 : choices[factor.decisions[i]!]!)
    stride = here ? 1 : stride * size
  }
  return { start, stride }
}
