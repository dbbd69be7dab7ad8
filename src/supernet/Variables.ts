/**
 * The variables of a supernet: one for each that an operation declares, in the shape of the largest network, and one
 * for each learned scale. Left out: how a smaller network is cut from them (`Forward.ts`).
 */
import type { Network } from "../network/Network.ts"
import { operands, siteOf } from "../network/Sites.ts"
import { constant, ofDecision, type Quantity } from "../space/Quantity.ts"
import { randomStream } from "../space/RandomStream.ts"
import { tf } from "../tensor/Backend.ts"
import type { Variable } from "../tensor/Backend.ts"
import { type LearnedSpec, learnedScales } from "./OperandScale.ts"
import type { VariableSpec } from "./operation/Operation.ts"
import { declaredVariables } from "./operation/Operations.ts"

export interface NamedVariable {
  readonly name: string
  readonly kind: VariableSpec["kind"]
  readonly decay: boolean
  readonly variable: Variable
  /** Of a learned scale: the names of the formats that its elements are for. */
  readonly formats?: ReadonlyArray<string>
}

const initialValues = (spec: VariableSpec, seed: number, name: string): Float32Array => {
  const values = new Float32Array(spec.shape.reduce((a, b) => a * b, 1))
  if (spec.initial === "ones") return values.fill(1)
  if (spec.initial === "zeros") return values
  if ("value" in spec.initial) return values.fill(spec.initial.value)
  const deviation = Math.sqrt(spec.initial.gain / spec.initial.fanIn)
  const random = randomStream(seed, `weights/${name}`)
  for (let i = 0; i < values.length; i++) values[i] = random.normal() * deviation
  return values
}

const operationVariables = (network: Network, seed: number): ReadonlyArray<NamedVariable> =>
  declaredVariables(network).map(({ name, spec }) => {
    const values = initialValues(spec, seed, name)
    const variable = tf.tidy(() =>
      tf.variable(tf.tensor(values, [...spec.shape]), spec.kind === "trained"),
    )
    return { name, kind: spec.kind, decay: spec.decay, variable }
  })

/** Name -> shape of every variable of a network without decisions; those of its learned scales are [1]. */
export const variableShapes = (network: Network): ReadonlyMap<string, ReadonlyArray<number>> =>
  new Map([
    ...declaredVariables(network).map(({ name, spec }) => [name, spec.shape] as const),
    ...siteScales(network).map(({ name }) => [name, [1]] as const),
  ])

/** A learned scale and the format site that it belongs to. */
interface SiteScale extends LearnedSpec {
  readonly site: number
}

const siteScales = ({ table }: Network): ReadonlyArray<SiteScale> =>
  table.layers.flatMap((layer, i) =>
    operands.flatMap((operand) => {
      const learned = learnedScales(layer)[operand]
      return learned === undefined ? [] : [{ ...learned, site: siteOf(i, operand) }]
    }),
  )

const scaleVariable = ({ name, slot }: SiteScale): NamedVariable => {
  const formats = slot.formats.map((format) => format.name)
  const variable = tf.tidy(() => tf.variable(tf.zeros([formats.length])))
  return { name, kind: "trained", decay: false, variable, formats }
}

/** Site of a learned scale -> the option of its format, as a number that the policy knows. */
export const scaleOptions = (network: Network): ReadonlyMap<number, Quantity> =>
  new Map(
    siteScales(network).map(({ site, slot: { decision, formats } }) => [
      site,
      decision === null ? constant(0) : ofDecision(decision, [...formats.keys()]),
    ]),
  )

/** Makes the variables of a network, drawn from the stream `weights` of `seed`. The backend must be loaded. */
export const makeVariables = (network: Network, seed: number): ReadonlyArray<NamedVariable> => [
  ...operationVariables(network, seed),
  ...siteScales(network).map(scaleVariable),
]
