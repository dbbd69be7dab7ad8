/**
 * Which of some costs stand beside another: one that is as good as equal, else the nearest below and the nearest above.
 *
 * What is compared at different costs is compared with both sides, or the comparison says nothing.
 */

/** Relative distance at which two costs count as equal. */
export const near = 0.02

export type Side = "near" | "below" | "above"

export interface AtSide<A> {
  readonly one: A
  readonly side: Side
}

/** Where `cost` stands from `reference`. */
export const sideOf = (cost: number, reference: number): Side =>
  Math.abs(cost - reference) <= near * reference * (1 + 1e-9)
    ? "near"
    : cost < reference
      ? "below"
      : "above"

/** Those of `all` that stand beside `reference`, the cheaper first; of equal costs the first. */
export const nearestCosts = <A>(
  reference: number,
  all: ReadonlyArray<A>,
  costOf: (one: A) => number,
): ReadonlyArray<AtSide<A>> => {
  const nearestOn = (side: Side): ReadonlyArray<AtSide<A>> => {
    const there = all.filter((one) => sideOf(costOf(one), reference) === side)
    const distance = (one: A) => Math.abs(costOf(one) - reference)
    const [first, ...rest] = there
    if (first === undefined) return []
    return [{ one: rest.reduce((a, b) => (distance(b) < distance(a) ? b : a), first), side }]
  }
  const equal = nearestOn("near")
  return equal.length > 0 ? equal : [...nearestOn("below"), ...nearestOn("above")]
}
