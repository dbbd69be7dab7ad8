/**
 * Is there any quality to be had from the decisions? One-way sums of squares over what the delay measured.
 *
 *     z = (sum_ik S_ik^2 / (n_ik s^2) - df) / sqrt(2 df)
 *
 * S_ik is the sum of qualities, centred within their step, where decision i took option k, n_ik their number, s^2 the
 * variance of a centred quality. Without any effect z is about standard normal; below 3 nothing can be told apart.
 */
import { Schema } from "effect"
import type { Choices, DecisionSpace } from "../../space/Decision.ts"
import { type PerOption, zerosLike } from "../../space/PerOption.ts"

const Rows = Schema.Array(Schema.Array(Schema.Finite))

export const Signal = Schema.Struct({
  sums: Rows,
  counts: Rows,
  /** Sum of squares of the centred qualities, and how many there were. */
  squares: Schema.Finite,
  count: Schema.Int,
})
export type Signal = typeof Signal.Type

export const noSignal = (space: DecisionSpace): Signal => ({
  sums: zerosLike(space),
  counts: zerosLike(space),
  squares: 0,
  count: 0,
})

/** Adds the proposals of one step; inactive decisions saw nothing. One proposal alone says nothing. */
export const addSignal = (
  signal: Signal,
  proposals: ReadonlyArray<Choices>,
  active: ReadonlyArray<Uint8Array>,
  qualities: ReadonlyArray<number>,
): Signal => {
  const k = qualities.length
  if (k < 2) return signal
  const mean = qualities.reduce((a, b) => a + b, 0) / k
  // Centring takes one degree of freedom of k; this gives the variance back.
  const unbias = Math.sqrt(k / (k - 1))
  const centred = qualities.map((quality) => (quality - mean) * unbias)
  const addWhereTaken = (rows: PerOption, value: (proposal: number) => number): PerOption =>
    rows.map((row, i) => {
      const added = [...row]
      proposals.forEach((choices, j) => {
        if (active[j]![i] === 1) added[choices[i]!]! += value(j)
      })
      return added
    })
  return {
    sums: addWhereTaken(signal.sums, (j) => centred[j]!),
    counts: addWhereTaken(signal.counts, () => 1),
    squares: signal.squares + centred.reduce((sum, value) => sum + value * value, 0),
    count: signal.count + k,
  }
}

/** 0 when nothing was measured, or everything alike. */
export const zOf = ({ sums, counts, squares, count }: Signal): number => {
  if (squares === 0) return 0
  const variance = squares / count
  let chiSquare = 0
  let freedom = 0
  sums.forEach((row, i) => {
    let total = 0
    let taken = 0
    let seen = 0
    row.forEach((sum, k) => {
      const n = counts[i]![k]!
      if (n === 0) return
      chiSquare += (sum * sum) / (n * variance)
      total += sum
      taken += n
      seen++
    })
    if (seen === 0) return
    chiSquare -= (total * total) / (taken * variance)
    freedom += seen - 1
  })
  return freedom === 0 ? 0 : (chiSquare - freedom) / Math.sqrt(2 * freedom)
}
