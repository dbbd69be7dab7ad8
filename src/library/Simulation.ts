/**
 * A trial rehearsed on a synthetic quality, in seconds and without a network: does the search find its target and commit?
 *
 * Left out: how the quality is made (`rehearse/SyntheticQuality.ts`), the uniform network beside it (`cli/`).
 */
import { Result } from "effect"
import { problemText } from "../declaration/Errors.ts"
import { defaultSensitivities, finalQuality } from "../rehearse/SyntheticQuality.ts"
import { rehearse } from "../rehearse/Rehearse.ts"
import type { Assignment } from "../space/Decision.ts"
import { toAssignment } from "../space/DecisionSpace.ts"
import { lossTable } from "../space/LossTable.ts"
import { prepare } from "../train/Trial.ts"
import type { ExperimentTrial } from "./ExperimentPlan.ts"

/** How a rehearsed search came out. */
export interface Simulation {
  /** What the search ended with. */
  readonly assignment: Assignment
  /** Cost of the assignment over the target: 1 is on target. */
  readonly costOverTarget: number
  /** Mean probability of the chosen options, 0 to 1. */
  readonly topProbability: number
  /** Synthetic accuracy of the assignment, 0 to 1. */
  readonly quality: number
  /** The step from which the cost stayed within 2 % of the target; null where it is not there in the end. */
  readonly onTargetAt: number | null
  /** The step from which the top probability stayed at 0.95 or above; null where it is not there in the end. */
  readonly committedAt: number | null
  /** Alarms of the search, each with its likely cause. */
  readonly warnings: ReadonlyArray<string>
}

/**
 * Rehearses a trial.
 *
 * @param sensitivities decision path -> what its narrowest option loses, 0 or more; those left out follow from the cost
 */
export const simulate = (
  trial: ExperimentTrial,
  sensitivities: Readonly<Record<string, number>> = {},
): Simulation => {
  const prepared = Result.getOrThrowWith(
    prepare(trial.planned.declaration),
    (problems) =>
      new Error(`a planned trial is not ready: ${problems.map(problemText).join("; ")}`),
  )
  const { cost, network, searcher, target } = prepared
  const { space } = network
  const byDefault = defaultSensitivities(space, cost)
  const losses = lossTable(
    space,
    space.decisions.map(({ path }, i) => sensitivities[path] ?? byDefault[i]!),
  )
  const problem = { space, cost, target, steps: trial.steps, seed: trial.seed }
  const { alarms, committedAt, costOverTarget, final, loss, onTargetAt, topProbability } = rehearse(
    searcher,
    problem,
    losses,
  )
  return {
    assignment: toAssignment(space, final),
    costOverTarget,
    topProbability,
    quality: finalQuality(loss),
    onTargetAt,
    committedAt,
    warnings: alarms.map(({ message }) => message),
  }
}
