/**
 * When a policy stops moving: once it is sure, and on target.
 *
 * Committing option by option can end off target where no single change helps: an expensive layer a step too high, a cheap
 * one with nothing left to give. A policy that is certain of such an assignment is moved. Its own probabilities say
 * which other it would rather have, and each decision that changes exchanges the logits of its two options: the
 * certainty stays, its object moves. Left out: what a hard budget chooses (`WithinBudget.ts`).
 */
import { holds } from "../../cost/LimitKinds.ts"
import type { BoundReward } from "../../reward/Reward.ts"
import type { Choices } from "../../space/Decision.ts"
import { onTarget } from "../../budget/WithinBudget.ts"
import { mostProbable, type Policy, policyOf, summarise } from "./Policy.ts"
import type { Problem } from "../Search.ts"
import type { Settings } from "./Settings.ts"
import { withinBand } from "../../budget/WithinBand.ts"
import type { PerOption } from "../../space/PerOption.ts"

type Goal = Pick<Problem, "space" | "cost" | "target" | "limits"> & { readonly reward: BoundReward }

/** Mean top probability from which a policy off target is moved there, for it will not move by itself. */
const certain = 0.995
/** How often in a run that is tried at most. */
const landings = 100
/** Relative distance from the target that is landed from; one farther off wants another reward, and has its alarm. */
const reach = 0.2

/** Stops a sure policy on target; off target it may still move, until it is certain. */
export const stopped = (
  goal: Goal & Pick<Problem, "steps">,
  { budget, stopAt, temperature }: Settings,
  logits: PerOption,
  step: number,
): { readonly logits: PerOption; readonly frozen: boolean } => {
  if (stopAt === "off") return { logits, frozen: false }
  const policy = policyOf(logits, temperature)
  const { topProbability } = summarise(goal.space, policy)
  const isSure = topProbability > stopAt
  const isCertain = topProbability > certain
  if (!isSure && !isCertain) return { logits, frozen: false }
  if (isOnTarget(goal, mostProbable(policy))) return { logits, frozen: isSure }
  const isDue = isCertain && step % Math.ceil(goal.steps / landings) === 0
  const moved = isDue && budget !== "hard" ? landed(goal, logits, policy) : undefined
  return { logits: moved ?? logits, frozen: isSure && moved !== undefined }
}

/** The logits of a policy that has no steps left: what is most probable, or beside it what is on target. */
export const frozenLogits = (
  goal: Goal,
  { temperature }: Settings,
  logits: PerOption,
): PerOption => {
  const policy = policyOf(logits, temperature)
  return isOnTarget(goal, mostProbable(policy)) ? logits : (landed(goal, logits, policy) ?? logits)
}

const isOnTarget = ({ cost, limits = [], reward, target }: Goal, choices: Choices): boolean => {
  if (!holds(limits, choices)) return false
  const spent = cost.of(choices)
  const isNoWorse = !reward.turnsAtTarget || reward.costPart(1, spent) >= reward.costPart(1, target)
  return isNoWorse || Math.abs(spent / target - 1) <= onTarget
}

/**
 * `logits`, whose policy is given, with the most probable assignment whose cost lies within 2 % of the target (on its
 * right side, for rewards that punish one side only) in the place of the most probable one of all. Undefined where the
 * policy is too far off, or none is found whose cost the reward prefers. Within the limits, whatever the reward prefers, if
 * the most probable one is above one of them.
 */
export const landed = (
  { space, cost, limits = [], target, reward }: Goal,
  logits: PerOption,
  policy: Policy,
): PerOption | undefined => {
  const top = mostProbable(policy)
  const spent = cost.of(top)
  const isExceeding = !holds(limits, top)
  if (Math.abs(spent / target - 1) > reach && !isExceeding) return undefined
  const scores = policy.logProbabilities.map((row) => Array.from(row))
  const low = reward.punishesBelow ? (1 - onTarget) * target : -Infinity
  const next = withinBand(space, cost, scores, { low, high: (1 + onTarget) * target }, limits)
  if (next === undefined) return undefined
  if (!isExceeding) {
    if (cost.of(next) < low) return undefined
    if (reward.costPart(1, cost.of(next)) <= reward.costPart(1, spent)) return undefined
  }
  return logits.map((row, i) => exchanged(row, top[i]!, next[i]!))
}

const exchanged = (row: ReadonlyArray<number>, a: number, b: number): ReadonlyArray<number> =>
  row.with(a, row[b]!).with(b, row[a]!)
