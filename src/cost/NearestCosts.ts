/**
 * The costs to compare a cost with: one that is equal within 2 %, else the nearest below and the nearest above.
 *
 * A comparison at different costs needs both sides.
 */

/** Relative distance at which two costs count as equal. */
export const near = 0.02

export type Side = "near" | "below" | "above"

export interface AtSide<A> {
  readonly one: A
  readonly side: Side
}

/** Where `cost` lies relative to `reference`. */
export const sideOf = (cost: number, reference: number): Side =>
  Math.abs(cost - reference) <= near * reference * (1 + 1e-9)
    ? "near"
    : cost < reference
      ? "below"
      : "above"

/** Those of `all` to compare with `reference`, the cheaper first; of equal costs the first. */
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
