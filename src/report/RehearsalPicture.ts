/** A picture of rehearsed searches: cost over target, entropy and top probability over the steps, a line a trial. */
import { curvesPicture } from "../picture/CurvesPicture.ts"
import type { Picture, Role } from "../picture/Picture.ts"
import type { Series } from "../picture/Series.ts"
import type { Moment } from "../rehearse/Rehearse.ts"

export interface Rehearsed {
  readonly id: string
  readonly name: string
  readonly arm: string
  readonly role: Role
  readonly history: ReadonlyArray<Moment>
}

/** The moments at which there is such a number. */
const series = (
  history: ReadonlyArray<Moment>,
  of: (moment: Moment) => number | undefined,
): Series => {
  const known = history.flatMap((moment) => {
    const value = of(moment)
    return value === undefined || !Number.isFinite(value) ? [] : [{ step: moment.step, value }]
  })
  return { steps: known.map(({ step }) => step), values: known.map(({ value }) => value) }
}

export const rehearsalPicture = (trials: ReadonlyArray<Rehearsed>, title: string): Picture =>
  curvesPicture(
    {
      title,
      arms: [...new Map(trials.map(({ arm, role }) => [arm, role]))].map(([name, role]) => ({
        name,
        role,
      })),
      trials: trials.map(({ history, ...trial }) => ({
        ...trial,
        curves: {
          cost: series(history, ({ costOverTarget }) => costOverTarget),
          entropy: series(history, ({ entropy }) => entropy),
          top: series(history, ({ topProbability }) => topProbability),
        },
      })),
    },
    [
      // the expensive first steps would flatten the rest
      { key: "cost", title: "cost over target (2 and more as 2)", mark: 1, most: 2 },
      { key: "entropy", title: "entropy (nats, mean over the decisions)" },
      { key: "top", title: "top probability", mark: 0.95 },
    ],
  )
