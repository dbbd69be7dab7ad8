/**
 * Limits of a network: those of a declaration, compiled. Left out: whether they can be met (`experiment/LimitProblems.ts`).
 */
import { costOf, type Limit, type LimitSpec, unitOf } from "../cost/LimitKinds.ts"
import type { Choices } from "../space/Decision.ts"
import { maximum } from "../space/Quantity.ts"
import { compileCost } from "./CostTarget.ts"
import { peakMemory } from "./memory/PeakMemory.ts"
import type { Network } from "./Network.ts"

const ofPeak = (network: Network, max: number): Pick<Limit, "of" | "withChoice" | "tables"> => {
  const { of, parts } = peakMemory(network)
  const { decisions } = network.space
  return {
    of,
    withChoice: (choices, decision) => {
      const most = (some: typeof parts, under: Choices) =>
        some.reduce((peak, part) => Math.max(peak, part.of(under)), 0)
      const others = parts.filter((part) => !part.decisions.includes(decision))
      const rest = most(others, choices)
      const changing = parts.filter((part) => part.decisions.includes(decision))
      return Float64Array.from(decisions[decision]!.options, (_, k) =>
        Math.max(rest, changing.length === 0 ? 0 : most(changing, choices.with(decision, k))),
      )
    },
    tables: () => {
      const tables = parts.map((part) => part.tables())
      const made = tables.filter((some) => some !== undefined)
      if (made.length < tables.length) return undefined
      return made.flat().filter((table) => maximum(table) > max)
    },
  }
}

/** The limits of a declaration for a network. The files that they name must have been read and be without problems. */
export const limitsOf = (
  network: Network,
  specs: ReadonlyArray<LimitSpec> = [],
): ReadonlyArray<Limit> =>
  specs.map((spec): Limit => {
    const { beta, kind, max } = spec
    const { printUnit, scale, unit } = unitOf(kind)
    const common = { kind, printUnit, scale, unit, beta, max }
    const cost = costOf(spec)
    if (cost === undefined) return { ...common, ...ofPeak(network, max) }
    const sum = compileCost(network, cost)
    return { ...common, sum, of: sum.of, withChoice: sum.withChoice }
  })
