/** What is drawn in the delay, before the policy's first update: so that the shared weights are fit to be compared. */
import type { Choices, DecisionSpace } from "../../space/Decision.ts"
import { narrowestChoices, widest, widestChoices } from "../../space/DecisionSpace.ts"
import type { Random } from "../../space/RandomStream.ts"
import type { Settings } from "./Settings.ts"

/** The delay ends before the step `end`; `j` counts the proposals of a step, the first of which is trained. */
export const drawInDelay = (
  space: DecisionSpace,
  sampling: Settings["delaySampling"],
  random: Random,
  step: number,
  end: number,
  j: number,
): Choices => {
  // The sandwich rule (arXiv 1903.05134, section 3.3) trains both ends beside random ones; here by turns.
  if (sampling === "sandwich" && j === 0 && step % 3 < 2)
    return step % 3 === 0 ? widestChoices(space) : narrowestChoices(space)
  const share = sampling === "widest" ? 1 - step / end : 0
  return space.decisions.map((decision) =>
    random.uniform() < share ? widest(decision) : random.integer(decision.options.length),
  )
}
