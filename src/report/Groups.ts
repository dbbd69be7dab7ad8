/**
 * Arms taken together: the trials of all searches of one kind, of one target, of whatever they have in common.
 *
 * A group of several arms is compared with their controls seed by seed too: in each seed the mean of the arms' differences.
 * Left out: by what they are grouped (`cli/`).
 */
import type { Arm, ArmTrial, Spread } from "./Arms.ts"
import { countsOf, groupedBy, metricsOf } from "./Arms.ts"
import { type Difference, type FiguredArm, type Figures, pairedOver } from "./Figures.ts"

export interface Group {
  /** Those of its arms that have trials in it. */
  readonly arms: ReadonlyArray<FiguredArm>
  readonly trials: ReadonlyArray<ArmTrial>
  readonly counts: Arm["counts"]
  readonly metrics: Readonly<Record<string, Spread>>
  readonly difference?: Difference
}

/** Trials with the arm that each is of. */
export interface OfArm {
  readonly arm: FiguredArm
  readonly trial: ArmTrial
}

const onlyOf = (arm: FiguredArm, trials: ReadonlyArray<ArmTrial>): FiguredArm => ({
  ...arm,
  trials,
})

/** The group of these trials, which may be a part of their arms. */
export const groupOf = (members: ReadonlyArray<OfArm>, figures: Figures): Group => {
  const trials = members.map(({ trial }) => trial)
  const byArm = groupedBy(members, ({ arm }) => arm)
  const parts = [...byArm].map(([arm, own]) =>
    onlyOf(
      arm,
      own.map(({ trial }) => trial),
    ),
  )
  const against = parts.flatMap((arm) => {
    const control = figures.arms.find(({ key }) => key === arm.difference?.against.key)
    return control === undefined ? [] : [{ arm, control }]
  })
  const difference = against.length === parts.length ? pairedOver(against, figures) : undefined
  return {
    arms: [...byArm.keys()],
    trials,
    counts: countsOf(trials),
    metrics: metricsOf(trials),
    ...(difference === undefined ? {} : { difference }),
  }
}
