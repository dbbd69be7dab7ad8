/**
 * The Pareto front: the points that no other is better than in one objective without being worse in another.
 *
 * Left out: where points come from.
 */

export interface Objective {
  readonly key: string
  readonly direction: "max" | "min"
}

/** `final/accuracy:max,final/gbops:min`; a text that is wrong where it is not that. */
export const parseObjectives = (text: string): ReadonlyArray<Objective> | string => {
  const objectives: Array<Objective> = []
  for (const part of text.split(",")) {
    const match = /^(.+):(max|min)$/.exec(part.trim())
    if (match === null)
      return `${part.trim() || "nothing"} is no objective; final/accuracy:max would be right`
    objectives.push({ key: match[1]!, direction: match[2] as Objective["direction"] })
  }
  return objectives
}

/** The front, in the order given. Points that lack a value are never on it; equal ones are all on it. */
export const paretoFront = <A>(
  points: ReadonlyArray<A>,
  objectives: ReadonlyArray<Objective>,
  valueOf: (point: A, key: string) => number | undefined,
): ReadonlyArray<A> => {
  // more is better in every column
  const scored = points.flatMap((point) => {
    const scores = objectives.map(({ direction, key }) => {
      const value = valueOf(point, key) ?? NaN
      return direction === "max" ? value : -value
    })
    return scores.every((score) => !Number.isNaN(score)) ? [{ point, scores }] : []
  })
  const dominates = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean =>
    a.every((score, i) => score >= b[i]!) && a.some((score, i) => score > b[i]!)
  return scored
    .filter(({ scores }) => !scored.some((other) => dominates(other.scores, scores)))
    .map(({ point }) => point)
}
