/**
 * What only the built network can say of a space and of a trial, and the format of the uniform control.
 *
 * Networks are built once for each space that is met.
 */
import type { Problem } from "../declaration/Errors.ts"
import { build, type Built } from "../model/Build.ts"
import type { Space } from "../model/Network.ts"
import { targetProblems, uniformWithin } from "../model/Target.ts"
import type { Trial } from "../train/Trial.ts"

const networks = new WeakMap<object, Built>()

/** The network of a space, built at most once for each `network` list in memory. */
const built = (space: Space): Built => {
  const known = networks.get(space.network)
  if (known !== undefined) return known
  const made = build(space)
  networks.set(space.network, made)
  return made
}

/** Problems and warnings of a space, by paths into it. */
export const spaceProblems = (space: Space): ReadonlyArray<Problem> => {
  const { problems, warnings } = built(space)
  return [...problems, ...warnings.map((warning) => ({ ...warning, severity: "warning" as const }))]
}

const target = ["reward", "cost", "target"] as const

const below = (problem: Problem): Problem => ({ ...problem, path: [...target, ...problem.path] })

/** Problems of a trial whose space has none: a target out of reach, a format or an assignment that is not offered. */
export const trialProblems = (trial: Trial): ReadonlyArray<Problem> => {
  const { network } = built(trial.space)
  if (network === undefined || trial.reward === undefined) return []
  return targetProblems(network, trial.reward.cost).map(below)
}

/** The dearest single format the space offers within the target of the trial. */
export const uniformOf = (trial: Trial): string | Problem => {
  const { network } = built(trial.space)
  if (network === undefined || trial.reward === undefined)
    return {
      path: ["controls"],
      message: "a uniform control needs a target; add reward: { cost: { target: ... } }",
    }
  const found = uniformWithin(network, trial.reward.cost)
  return typeof found === "string" ? found : below(found)
}
