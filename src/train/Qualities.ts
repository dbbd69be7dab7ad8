/**
 * How good the proposals of a step are, by the measure that the reward names.
 *
 * Left out: the passes themselves (`Steps.ts`), what a quality is worth (`reward/`).
 */
import type { Batch } from "../data/Batches.ts"
import type { Quality } from "../reward/Reward.ts"
import type { Choices } from "../space/Decision.ts"
import type { Measured, Steps } from "./Steps.ts"

/**
 * The quality of every proposal, on the batch and by the measure that the reward names. Equal proposals, which are most
 * once the policy commits, are measured once.
 *
 * `own` is what the training pass measured, of a search whose every step trains its one proposal as it is: by the
 * weights before its step, with label smoothing and dropout. On the training batch that is its quality. Of other
 * searches some steps would have it and some not, and these two do not compare: there all are measured after the step.
 */
export const qualitiesOf = async (
  quality: Quality,
  steps: Pick<Steps, "measure">,
  proposals: ReadonlyArray<Choices>,
  own: Measured | undefined,
  batches: { readonly train: () => Batch; readonly heldOut: () => Batch | Promise<Batch> },
): Promise<Array<number>> => {
  const heldOut = quality === "heldOutAccuracy" || quality === "heldOutLoss"
  const value = ({ accuracy, loss }: Measured): number =>
    quality === "heldOutAccuracy" || quality === "trainAccuracy" ? accuracy : -loss
  if (!heldOut && own !== undefined) return [value(own)]
  const batch = heldOut ? await batches.heldOut() : batches.train()
  const known = new Map<string, Measured>()
  return proposals.map((choices) => {
    const key = choices.join()
    const measured = known.get(key) ?? steps.measure(batch, choices)
    known.set(key, measured)
    return value(measured)
  })
}
