/**
 * Cost targets of a network: relative ones made absolute, those out of reach reported, the uniform rival found.
 */
import { Result } from "effect"
import { nearestCosts } from "../cost/NearestCosts.ts"
import { compile, type CompiledCost, type CostUnit, type Target } from "../cost/Cost.ts"
import { type CostSpec, make } from "../cost/Costs.ts"
import { holds, type Limit } from "../cost/LimitKinds.ts"
import type { Problem } from "../declaration/Errors.ts"
import { type FormatOption, pairText } from "../format/Pair.ts"
import type { Choices } from "../space/Decision.ts"
import type { Network } from "./Network.ts"
import { offersEverywhere, uniformChoices, uniformOptions, uniformTable } from "./format/Uniform.ts"

/** The cost that a block names, GBOPs where there is none. Its files, if it names any, must have no problems. */
export const compileCost = (network: Network, spec: CostSpec | undefined): CompiledCost => {
  const known = compiled.get(network) ?? new Map<string, CompiledCost>()
  compiled.set(network, known)
  const key = JSON.stringify(spec ?? null)
  const cost = known.get(key) ?? compile(network.table, make(spec), network.space)
  known.set(key, cost)
  return cost
}

/** Trials of a grid share their networks and most of their costs. */
const compiled = new WeakMap<Network, Map<string, CompiledCost>>()

/** That the space does not offer one format everywhere, for the block that names it as `uniform`. */
const notOffered = (network: Network, uniform: FormatOption): Problem => ({
  path: ["uniform"],
  message: `the space does not offer ${pairText(uniform)} everywhere; it offers ${uniformOptions(network).map(pairText).join(", ") || "no format to all its layers"}`,
})

/** The choices with one format everywhere; else why there are none, by path from the block that names it as `uniform`. */
export const choicesOfUniform = (
  network: Network,
  uniform: FormatOption,
): Result.Result<Choices, ReadonlyArray<Problem>> => {
  const choices = uniformChoices(network, uniform)
  return choices === undefined
    ? Result.fail([notOffered(network, uniform)])
    : Result.succeed(choices)
}

/** The target in the unit of its model; by path from `target`, why there is none. */
export const targetOf = (
  network: Network,
  cost: CompiledCost,
  target: Target,
): Result.Result<number, ReadonlyArray<Problem>> => {
  if (typeof target === "number") return Result.succeed(target)
  const { uniform } = target
  if (!offersEverywhere(network, uniform)) return Result.fail([notOffered(network, uniform)])
  const { table, choices } = uniformTable(network, uniform)
  return Result.succeed(target.times * compile(table, cost.model, network.space).of(choices))
}

/** In the unit in which targets are written. */
export const showCost = ({ unit }: Pick<CostUnit, "unit">, value: number): string =>
  `${Number(value.toPrecision(6))} ${unit}`

/** Six digits of an end of what is in reach, rounded inwards: what a message names can be asked for. */
export const showEnd = (
  unit: Pick<CostUnit, "unit">,
  value: number,
  round: "up" | "down",
): string => {
  const digit = 10 ** (Math.floor(Math.log10(Math.abs(value) || 1)) - 5)
  const near = Number(value.toPrecision(6))
  const beyond = round === "up" ? near < value : near > value
  return showCost(unit, beyond ? near + (round === "up" ? digit : -digit) : near)
}

/** What is wrong with a target, by path from `target`: no such format, or outside what the space reaches. */
export const targetProblems = (network: Network, spec: CostSpec): ReadonlyArray<Problem> => {
  const cost = compileCost(network, spec)
  const found = targetOf(network, cost, spec.target)
  if (Result.isFailure(found)) return found.failure
  const target = found.success
  const { min, max } = cost.range()
  const tolerance = 1e-9 * target
  if (target >= min - tolerance && target <= max + tolerance) return []
  return [
    {
      path: [],
      message: `a target of ${showCost(cost.model, target)} is out of reach; this space costs from ${showEnd(cost.model, min, "up")} to ${showEnd(cost.model, max, "down")}`,
    },
  ]
}

/**
 * The formats offered everywhere whose uniform networks stand beside the target: one within 2 % of it, else the nearest
 * below and the nearest above; of those within the limits.
 */
export const uniformsBeside = (
  network: Network,
  spec: CostSpec,
  limits: ReadonlyArray<Limit> = [],
): Result.Result<ReadonlyArray<FormatOption>, ReadonlyArray<Problem>> => {
  const cost = compileCost(network, spec)
  const target = targetOf(network, cost, spec.target)
  if (Result.isFailure(target)) return Result.fail(target.failure)
  const offered = uniformOptions(network)
  const priced = offered.flatMap((option) => {
    const choices = uniformChoices(network, option)!
    return holds(limits, choices) ? [{ option, cost: cost.of(choices) }] : []
  })
  if (priced.length > 0)
    return Result.succeed(
      nearestCosts(target.success, priced, (uniform) => uniform.cost).map(({ one }) => one.option),
    )
  return Result.fail([
    {
      path: [],
      message:
        offered.length === 0
          ? "the space offers no format to all its layers, so there is no uniform control; offer one everywhere, or leave the control out"
          : `no network in one format (${offered.map(pairText).join(", ")}) is within the limits, so there is no uniform control; offer a narrower one, or leave the control out`,
    },
  ])
}
