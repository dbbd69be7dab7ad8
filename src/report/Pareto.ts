/**
 * The Pareto front: the points than which no other is better in one objective without being worse in another.
 *
 * Left out: where points come from.
 */

import { directionOf, final, type Metric } from "../metric/Metrics.ts"

export interface Objective {
  readonly key: string
  readonly direction: "max" | "min"
}

/** Metrics with a better direction as `parseObjectives` reads them. */
export const objectivesText = (metrics: ReadonlyArray<Metric>): string =>
  metrics.map(({ direction, key }) => `${key}:${direction}`).join(",")

const example = objectivesText([final.accuracy])

/** Parses `final/accuracy:max,final/gbops:min`; known metrics need no direction. Else the message of the error. */
export const parseObjectives = (text: string): ReadonlyArray<Objective> | string => {
  const objectives: Array<Objective> = []
  for (const part of text.split(",")) {
    const word = part.trim()
    const [, key = word, given] = /^(.+):(max|min)$/.exec(word) ?? []
    const direction = given === "max" || given === "min" ? given : directionOf(key)
    if (direction === undefined)
      return `${word || "nothing"} is no objective; ${example} would be right`
    objectives.push({ key, direction })
  }
  return objectives
}

/** The front, in the order given. Points without a value are never on it; equal points are all on it. */
export const paretoFront = <A>(
  points: ReadonlyArray<A>,
  objectives: ReadonlyArray<Objective>,
  valueOf: (point: A, key: string) => number | undefined,
): ReadonlyArray<A> => {
  // After this change of sign, more is better in every column.
  const scored = points.flatMap((point) => {
    const scores = objectives.flatMap(({ direction, key }) => {
      const value = valueOf(point, key)
      return value === undefined ? [] : [direction === "max" ? value : -value]
    })
    return scores.length === objectives.length ? [{ point, scores }] : []
  })
  const dominates = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean =>
    a.every((score, i) => score >= b[i]!) && a.some((score, i) => score > b[i]!)
  return scored
    .filter(({ scores }) => !scored.some((other) => dominates(other.scores, scores)))
    .map(({ point }) => point)
}
