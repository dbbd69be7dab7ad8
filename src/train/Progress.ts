/**
 * What is reported of a trial while it trains: means over a few steps for the curves, the policy now and then for its
 * picture. Plain data, so that it goes into a checkpoint and a resumed trial reports exactly the same.
 */
import { Schema } from "effect"

const PolicyRow = Schema.Struct({
  step: Schema.Int,
  /** Per decision and option, rounded to 1e-4. */
  probabilities: Schema.Array(Schema.Array(Schema.Finite)),
})

export const ProgressState = Schema.Struct({
  sums: Schema.Record(Schema.String, Schema.Finite),
  counts: Schema.Record(Schema.String, Schema.Int),
  policy: Schema.Array(PolicyRow),
})
export type ProgressState = typeof ProgressState.Type

/** Steps between two points of a curve, each the mean since the last: about 200 points, 1000 for long runs. */
export const metricsEvery = (steps: number): number =>
  Math.max(1, Math.min(10, Math.ceil(steps / 200)), Math.ceil(steps / 1000))

/** The policy is kept about 100 times. */
export const policyEvery = (steps: number): number => Math.max(1, Math.ceil(steps / 100))

export const emptyProgress: ProgressState = { sums: {}, counts: {}, policy: [] }

export class Progress {
  private readonly sums: Map<string, number>
  private readonly counts: Map<string, number>
  private readonly policy: Array<(typeof PolicyRow)["Type"]>

  constructor(state: ProgressState = emptyProgress) {
    this.sums = new Map(Object.entries(state.sums))
    this.counts = new Map(Object.entries(state.counts))
    this.policy = [...state.policy]
  }

  /** Adds a step's values; those that are undefined or not finite count for nothing. */
  add(values: Readonly<Record<string, number | undefined>>): void {
    for (const [key, value] of Object.entries(values))
      if (value !== undefined && Number.isFinite(value)) {
        this.sums.set(key, (this.sums.get(key) ?? 0) + value)
        this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
      }
  }

  /** The means since the last call. */
  take(): Readonly<Record<string, number>> {
    const means = Object.fromEntries(
      [...this.sums].map(([key, sum]) => [key, sum / this.counts.get(key)!]),
    )
    this.sums.clear()
    this.counts.clear()
    return means
  }

  keepPolicy(step: number, probabilities: ReadonlyArray<ArrayLike<number>>): void {
    this.policy.push({
      step,
      probabilities: probabilities.map((p) => Array.from(p, (v) => Math.round(v * 1e4) / 1e4)),
    })
  }

  get policyRows(): ProgressState["policy"] {
    return this.policy
  }

  state(): ProgressState {
    return {
      sums: Object.fromEntries(this.sums),
      counts: Object.fromEntries(this.counts),
      policy: [...this.policy],
    }
  }
}
