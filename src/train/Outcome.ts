/**
 * How a trial came out: layer by layer, in cost, and in the files beside the assignment.
 *
 * Left out: running means of the curves (`Progress.ts`), why it diverged (`Divergence.ts`), the accuracy itself (`Finish.ts`).
 */
import { formatIn } from "../cost/Bits.ts"
import { compile } from "../cost/Cost.ts"
import { Gbops } from "../cost/Gbops.ts"
import { Memory } from "../cost/Memory.ts"
import * as Metrics from "../metric/Metrics.ts"
import { activationSites, formatSites } from "../network/Sites.ts"
import type { Choices } from "../space/Decision.ts"
import { valueOf } from "../space/Quantity.ts"
import type { FrozenScales } from "../supernet/FrozenScales.ts"
import type { Progress } from "./Progress.ts"
import type { LayerOutcome, TrainEvent } from "./TrainEvent.ts"
import type { Prepared } from "./Trial.ts"

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
  { network, cost, limits, target }: Prepared,
  choices: Choices,
): Readonly<Record<string, number>> => {
  const of = (model: typeof Gbops | typeof Memory) =>
    compile(network.table, model, network.space).of(choices)
  return {
    ...Metrics.byKey(Metrics.final, {
      cost: cost.of(choices),
      costOverTarget: cost.of(choices) / target,
      gbops: of(Gbops),
      memoryBytes: of(Memory),
    }),
    ...Metrics.byKey(
      Metrics.limits,
      Object.fromEntries(limits.map(({ kind, max, of: costs }) => [kind, costs(choices) / max])),
    ),
  }
}

/** The policy over time, the frozen activation scales and measured sensitivities, as files beside the assignment. */
export function* artifacts(
  { network }: Prepared,
  choices: Choices,
  progress: Progress,
  { amax, zeroPoints }: FrozenScales,
  sensitivities: ReadonlyArray<number> | undefined,
): Generator<TrainEvent> {
  const { decisions } = network.space
  const policy = {
    decisions: decisions.map(({ path, tag, role, options }) => ({ path, tag, role, options })),
    history: progress.policyRows,
  }
  yield { type: "artifact", path: "policy.json", content: `${JSON.stringify(policy)}\n` }
  const hasZeroPoint = new Set(
    formatSites(network).flatMap(({ decision, isFrozen, rows }, site) =>
      isFrozen && rows[decision === null ? 0 : choices[decision]!]!.affine === 1 ? [site] : [],
    ),
  )
  const scaleAt = (site: number) =>
    zeroPoints !== undefined && hasZeroPoint.has(site)
      ? { span: amax[site]!, zeroPoint: zeroPoints[site]! }
      : amax[site]!
  const scales = Object.fromEntries(
    activationSites(network)
      .filter(({ active }) => valueOf(active, choices) === 1)
      .map(({ path, site }) => [path, scaleAt(site)]),
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
