/** Adam (arXiv 1412.6980) on plain arrays, uphill: the policy's optimizer. */
import { Schema } from "effect"
import type { Gradient } from "./PolicyGradient.ts"
import type { PerOption } from "../../space/PerOption.ts"

const Rows = Schema.Array(Schema.Array(Schema.Finite))

/** Running moments of the gradient, not debiased. */
export const AdamState = Schema.Struct({
  steps: Schema.Int,
  first: Rows,
  second: Rows,
})
export type AdamState = typeof AdamState.Type

export interface AdamSettings {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
}

export const initAdam = (zeros: PerOption): AdamState => ({ steps: 0, first: zeros, second: zeros })

/** New values, a step in the direction of the gradient; nothing is changed in place. */
export const ascend = (
  values: PerOption,
  state: AdamState,
  gradient: Gradient,
  learningRate: number,
  { beta1, beta2, epsilon }: AdamSettings,
): { readonly values: PerOption; readonly state: AdamState } => {
  const steps = state.steps + 1
  const debias1 = 1 - beta1 ** steps
  const debias2 = 1 - beta2 ** steps
  const first = state.first.map((row, i) =>
    row.map((m, k) => m + (1 - beta1) * (gradient[i]![k]! - m)),
  )
  const second = state.second.map((row, i) =>
    row.map((v, k) => v + (1 - beta2) * (gradient[i]![k]! ** 2 - v)),
  )
  const moved = values.map((row, i) =>
    row.map(
      (value, k) =>
        value +
        (learningRate * (first[i]![k]! / debias1)) /
          (Math.sqrt(second[i]![k]! / debias2) + epsilon),
    ),
  )
  return { values: moved, state: { steps, first, second } }
}
