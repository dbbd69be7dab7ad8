/**
 * Arms, trials and metrics as pictures take them: roles, axes, chosen formats, curves. Left out: which pictures there are
 * (`GridPictures.ts`).
 */
import { parse } from "../format/Formats.ts"
import { final, metrics as known, phases, search } from "../metric/Metrics.ts"
import { costOverTarget } from "../picture/CurvesPicture.ts"
import { architectureOf } from "../orchestrator/TrialPage.ts"
import type { Role } from "../picture/Picture.ts"
import type { Series } from "../picture/Series.ts"
import { optionText, type OptionValue } from "../space/Option.ts"
import { uniformKey } from "./ArmLabels.ts"
import type { Arm, ArmTrial } from "./Arms.ts"
import type { Figures } from "./Figures.ts"

/** Metric -> its values by step. */
export type TrialCurves = ReadonlyMap<string, Series>

/** The curves that pictures show. */
export const isDrawn = (key: string): boolean =>
  [
    search.reward,
    search.entropy,
    search.commitment,
    search.expectedCost,
    phases.train.loss,
    phases.train.accuracy,
    phases.fineTune.loss,
    phases.retrain.loss,
  ].some((metric) => metric.key === key)

/** What an arm is in a picture; a network in one format is a baseline wherever it was declared. */
export const roleOf = ({ control, isSearch, parameters }: Arm): Role =>
  control ??
  (isSearch || !Object.keys(parameters).some((key) => key.startsWith(uniformKey))
    ? "search"
    : "uniform")

/** `accuracy (%)`, `cost (GBOPs)`: a metric as an axis. */
export const axisOf = (key: string) => {
  const unit = known.find((metric) => metric.key === key)?.unit ?? ""
  const name = key.replace(/^final\//, "").replaceAll("_", " ")
  if (unit === "share") return { title: `${name} (%)`, format: "percent" as const }
  if (key === final.gbops.key) return { title: "cost (GBOPs: 10^9 bit operations)" }
  return { title: unit === "" || unit === "of the cost" ? name : `${name} (${unit})` }
}

/** `cost (GBOPs)`: the title of an axis that has little room. */
export const costTitle = (key: string): string =>
  key === final.gbops.key ? "cost (GBOPs)" : axisOf(key).title

export const rolesOf = ({ arms }: Figures) =>
  arms.map((arm) => ({ name: arm.label, role: roleOf(arm) }))

const bitsOf = (name: string): number => parse(name)?.bits ?? 0

const optionOf = (value: OptionValue): string | number =>
  typeof value === "number" ? value : optionText(value)

/** The chosen formats and architecture of a trial, as far as it has finished. */
export const choicesOf = (trial: ArmTrial, arm: Arm) => ({
  id: trial.id,
  name: trial.label,
  arm: arm.label,
  role: roleOf(arm),
  layers: trial.layers.map((layer) => ({ ...layer, weightBits: bitsOf(layer.weightFormat) })),
  architecture: Object.fromEntries(
    architectureOf(trial.assignment).map(([path, value]) => [path, optionOf(value)]),
  ),
})

/** Curves of a trial by the keys of the pictures; the expected cost over the target. */
export const curvesOf = (
  curves: TrialCurves,
  target: number | undefined,
): Readonly<Record<string, Series>> => {
  const cost = curves.get(search.expectedCost.key)
  const ratio =
    cost === undefined || target === undefined
      ? {}
      : { [costOverTarget]: { ...cost, values: cost.values.map((value) => value / target) } }
  return { ...Object.fromEntries(curves), ...ratio }
}
