/**
 * What a trial tells of itself in words and numbers: the search's metrics, and how it came out.
 *
 * Left out: running means of the curves (`Progress.ts`), why it diverged (`Divergence.ts`), the accuracy itself (`Finish.ts`).
 */
import { compile } from "../cost/Cost.ts"
import { Gbops } from "../cost/Gbops.ts"
import { Memory } from "../cost/Memory.ts"
import { activationSites } from "../network/Sites.ts"
import type { SearchMetrics } from "../search/Search.ts"
import type { Choices } from "../space/Decision.ts"
import { valueOf } from "../space/Quantity.ts"
import { formatIn } from "./Cause.ts"
import type { Progress } from "./Progress.ts"
import type { LayerOutcome, TrainEvent } from "./TrainEvent.ts"
import type { Prepared } from "./Trial.ts"

/** Under the names of the tracker; undefined where a step has none (nothing measured, nothing decided). */
export const searchMetrics = (
  metrics: SearchMetrics,
): Readonly<Record<string, number | undefined>> => ({
  "search/reward": metrics.reward,
  "search/quality": metrics.quality,
  "search/cost": metrics.cost,
  "search/expected_cost": metrics.expectedCost,
  "search/baseline": metrics.baseline,
  "search/advantage": metrics.advantage,
  "search/entropy": metrics.entropy,
  "search/commitment": metrics.commitment,
  "search/switching": metrics.switching,
  "search/argmax_probability": metrics.argmaxProbability,
})

export const layerOutcomes = (
  { network, cost }: Prepared,
  choices: Choices,
): Array<LayerOutcome> => {
  const total = cost.of(choices)
  return network.table.layers.flatMap((layer, i) => {
    if (valueOf(layer.active, choices) === 0) return []
    return [
      {
        path: layer.path,
        weightFormat: formatIn(layer.weightFormat, choices).name,
        activationFormat: formatIn(layer.activationFormat, choices).name,
        macs: valueOf(layer.macs, choices),
        costShare: valueOf(cost.terms[i]!, choices) / total,
      },
    ]
  })
}

/** What the network costs under its final assignment. */
export const finalCosts = (
  { network, cost, target }: Prepared,
  choices: Choices,
): Readonly<Record<string, number>> => {
  const of = (model: typeof Gbops | typeof Memory) =>
    compile(network.table, model, network.space).of(choices)
  return {
    "final/cost": cost.of(choices),
    "final/cost_over_target": cost.of(choices) / target,
    "final/gbops": of(Gbops),
    "final/memory_bytes": of(Memory),
  }
}

/** The policy over time, the frozen activation scales and measured sensitivities, as files beside the assignment. */
export function* artifacts(
  { network }: Prepared,
  choices: Choices,
  progress: Progress,
  amax: Float32Array,
  sensitivities: ReadonlyArray<number> | undefined,
): Generator<TrainEvent> {
  const { decisions } = network.space
  const policy = {
    decisions: decisions.map(({ path, tag, role, options }) => ({ path, tag, role, options })),
    history: progress.policyRows,
  }
  yield { type: "artifact", path: "policy.json", content: `${JSON.stringify(policy)}\n` }
  const scales = Object.fromEntries(
    activationSites(network)
      .filter(({ active }) => valueOf(active, choices) === 1)
      .map(({ path, site }) => [path, amax[site]!]),
  )
  const asFile = (path: string, values: object): TrainEvent => ({
    type: "artifact",
    path,
    content: `${JSON.stringify(values, null, 2)}\n`,
  })
  yield asFile("activation-scales.json", scales)
  if (sensitivities !== undefined)
    yield asFile(
      "sensitivities.json",
      Object.fromEntries(decisions.map(({ path }, i) => [path, sensitivities[i]!])),
    )
}
