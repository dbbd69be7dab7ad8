/**
 * What the figures of a grid are made from: one record per trial, whether it comes from a plan or a state folder.
 *
 * `recordOf` adds the two metrics that follow from the chosen formats: mean bits of weights and of activations. Left out:
 * reading files (`orchestrator/`), arms (`Arms.ts`).
 */
import { parse } from "../format/Formats.ts"
import { derived } from "../metric/Metrics.ts"
import type { Result, Summary } from "../orchestrator/Result.ts"
import type { TrialState } from "../orchestrator/TrialStatus.ts"

export interface TrialRecord {
  readonly id: string
  readonly state: TrialState
  /** Its cell of the matrix, flat: `reward.cost.target.times`, `search.kind`, `seed`. Empty where it is not known. */
  readonly cell: Readonly<Record<string, string>>
  /** All parameters, flat. */
  readonly parameters: Readonly<Record<string, string>>
  /** Of a finished trial its final metrics with the mean bits; empty for all others. */
  readonly metrics: Readonly<Record<string, number>>
  readonly assignment: Result["assignment"]
  readonly layers: Result["layers"]
}

/** What a plan and `trial.json` both know of a trial. */
export interface Described {
  readonly id: string
  readonly cell: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string>>
}

type Layer = Result["layers"][number]

/** Mean bits of one operand over all multiplications of the network; undefined without layers or for unknown formats. */
const meanBits = (
  layers: ReadonlyArray<Layer>,
  formatOf: (layer: Layer) => string,
): number | undefined => {
  let macs = 0
  let bits = 0
  for (const layer of layers) {
    const format = parse(formatOf(layer))
    if (format === undefined) return undefined
    macs += layer.macs
    bits += layer.macs * format.bits
  }
  return macs > 0 ? bits / macs : undefined
}

/** Mean bits of weights and activations by the keys of the metrics, each layer weighted by its MACs. */
export const bitsOf = (layers: ReadonlyArray<Layer>): Readonly<Record<string, number>> => {
  const weights = meanBits(layers, ({ weightFormat }) => weightFormat)
  const activations = meanBits(layers, ({ activationFormat }) => activationFormat)
  return {
    ...(weights === undefined ? {} : { [derived.weightBits.key]: weights }),
    ...(activations === undefined ? {} : { [derived.activationBits.key]: activations }),
  }
}

/** The record of a trial. Metrics of a trial that has not finished are left out: they are no result. */
export const recordOf = (
  { cell, id, parameters }: Described,
  state: TrialState,
  result: Summary | undefined,
): TrialRecord => {
  const layers = result?.layers ?? []
  return {
    id,
    state,
    cell,
    parameters,
    metrics: result?.state === "finished" ? { ...result.metrics, ...bitsOf(layers) } : {},
    assignment: result?.assignment ?? {},
    layers,
  }
}
