/** The knobs that searches with a population share. What they mean: `Population.ts`. */
import { Schema } from "effect"
import type { Problem as Finding } from "../../declaration/Errors.ts"
import { onTarget } from "../../budget/WithinBudget.ts"
import { delaySteps } from "../policy/Schedule.ts"
import { optional } from "../../declaration/Field.ts"
import {
  normsField,
  type TrainFormats,
  trainFormatsField,
  widestField,
} from "../policy/CommonKnobs.ts"

const share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 0.95 }))

const defaults = {
  delay: 0.25,
  freezeAt: 0.5,
  tolerance: onTarget,
  trainFormats: "settled",
  // as searches had it that were written down before there was the knob
  widest: 0,
} as const

/** The knobs of every such search. */
export const populationFields = {
  batches: optional(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 })),
    "Batches that all are measured on before the best is frozen, 1 to 10000. Default: 16, or half of the steps between delay and freeze.",
    { examples: [16] },
  ),
  delay: optional(
    share,
    "Share of the steps in which the widest option is drawn with a probability falling from 1 to 0, 0 to 0.95.",
    { default: defaults.delay },
  ),
  freezeAt: optional(
    share,
    "Share of the steps after which the best is frozen; the remaining steps train it, 0 to 0.95.",
    { default: defaults.freezeAt },
  ),
  tolerance: optional(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
    "How far below the target a random assignment may cost, relative to it, 0 to 1.",
    { default: defaults.tolerance },
  ),
  ...trainFormatsField,
  ...widestField,
  ...normsField,
}

export interface PopulationSettings {
  readonly batches: number
  readonly delay: number
  readonly freezeAt: number
  readonly tolerance: number
  readonly trainFormats: TrainFormats
  readonly widest: number
}

/** The step from which the best is trained. */
export const freezeStep = (steps: number, freezeAt: number): number =>
  Math.max(1, delaySteps(steps, freezeAt))

const stepsBetween = (
  steps: number,
  { delay, freezeAt }: Pick<PopulationSettings, "delay" | "freezeAt">,
) => freezeStep(steps, freezeAt) - delaySteps(steps, delay)

/** The knobs with their values, for a run of `steps`. */
export const resolvePopulation = <Given extends Partial<PopulationSettings>>(
  given: Given,
  steps: number,
) => {
  const settings = { ...defaults, ...given }
  const half = Math.ceil(stepsBetween(steps, settings) / 2)
  return { batches: Math.max(1, Math.min(16, half)), ...settings }
}

/** A delay, or batches, that leave no step to look at the population, or none of those in which children are `bred`. */
export const populationProblems = (
  { batches, ...settings }: PopulationSettings,
  steps: number,
  bred: number,
): ReadonlyArray<Finding> => {
  const { delay, freezeAt } = settings
  const between = stepsBetween(steps, settings)
  const most = Math.max(1, between - bred)
  if (delay >= freezeAt)
    return [
      {
        path: ["search", "freezeAt"],
        message: `the best is frozen at ${freezeAt} of the steps, and the delay lasts until ${delay}; a freezeAt above ${delay} would be right`,
      },
    ]
  if (batches > most)
    return [
      {
        path: ["search", "batches"],
        message: `${batches} batches, one a step, do not fit into the ${between} steps between delay and freeze; ${most} or fewer would be right`,
      },
    ]
  return []
}
