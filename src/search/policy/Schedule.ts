/**
 * What changes over a run: where the delay ends, how far the policy's own steps have come, how hard it is to commit.
 *
 * Commitment is the method's heart: nothing during the delay, then a rising penalty on entropy, so that the policy
 * explores first and is made to commit, and the shared weights have trained under the final assignment by the end.
 */

/** `normalised` is relative to the advantages and the number of decisions; the others are absolute. */
export const schedules = ["normalised", "cosine", "linear", "constant", "step", "none"] as const

export interface Commitment {
  readonly schedule: (typeof schedules)[number]
  readonly max: number
}

/** Steps before the policy's first update. */
export const delaySteps = (steps: number, delay: number): number =>
  Math.min(steps, Math.round(steps * delay))

/** Steps after which the policy has decided, at the latest. */
export const decidedSteps = (steps: number, decideBy: number): number =>
  Math.max(1, Math.round(steps * decideBy))

/** How far the policy's steps have come: 0 at the delay's end (`first`), towards 1 where it has to have decided (`end`). */
export const progressAt = (step: number, first: number, end: number): number =>
  step < first || end <= first ? 0 : (step - first) / (end - first)

/** Shape of the commitment over the progress s, 0 to 1. */
export const commitmentShape = (schedule: Commitment["schedule"], s: number): number => {
  switch (schedule) {
    case "normalised":
      return s ** 3
    case "cosine":
      return (1 - Math.cos(Math.PI * s)) / 2
    case "linear":
      return s
    case "constant":
      return 1
    case "step":
      return s >= 0.5 ? 1 : 0
    case "none":
      return 0
  }
}

/**
 * The commitment's coefficient. `normalised`: (max / N) * sd(advantage) * s^3, so that neither the number of decisions
 * nor the unit of the quality matters; a standard deviation of 0 (nothing to tell apart) counts as 1. The other
 * schedules are absolute.
 */
export const commitmentAt = (
  { schedule, max }: Commitment,
  s: number,
  decisions: number,
  advantageDeviation: number,
): number => {
  const shape = commitmentShape(schedule, s)
  if (schedule !== "normalised") return max * shape
  return (max / Math.max(1, decisions)) * (advantageDeviation || 1) * shape
}

/** Share of the policy's steps after which the cost is followed decision by decision. */
export const costTurn = 0.5
/** How much more the cost weighs from there on, where that moves no optimum: to land on target while committing. */
export const lateCostWeight = 4

/** Learning rate of the policy, times `learningRateGrowth` by the end, exponentially in between. */
export const learningRateAt = (
  {
    learningRate,
    learningRateGrowth,
  }: { readonly learningRate: number; readonly learningRateGrowth: number },
  s: number,
): number => learningRate * learningRateGrowth ** s
