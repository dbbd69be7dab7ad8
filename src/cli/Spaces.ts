/** The spaces of a plan, each built once: their size, their reachable cost, their decisions. For `plan` and `validate`. */
import { compile } from "../cost/Cost.ts"
import { Gbops } from "../cost/Gbops.ts"
import type { PlannedTrial } from "../experiment/Plan.ts"
import { build } from "../network/Build.ts"
import type { Network } from "../network/Network.ts"
import { optionText } from "../space/Option.ts"
import { type Condition, decisionList } from "../space/DecisionList.ts"
import { cardinality } from "../space/Cardinality.ts"
import { table } from "./Output.ts"

/** Networks by the space they are built from. */
export const makeNetworks = () => {
  const known = new Map<string, Network>()
  return (space: PlannedTrial["declaration"]["space"]): Network => {
    const key = JSON.stringify(space)
    const network = known.get(key) ?? build(space).network
    if (network === undefined) throw new Error("a planned space does not build")
    known.set(key, network)
    return network
  }
}

/** Size and reachable cost of a space, as every `--json` shows them. */
export const sizeOf = (network: Network) => {
  const { max, min } = compile(network.table, Gbops, network.space).range()
  return {
    decisions: network.space.decisions.length,
    cardinality: cardinality(network.space).toString(),
    cost: { min, max },
  }
}

/** The spaces of some trials in their order, each with the trials in it. */
export const spacesOf = (
  trials: ReadonlyArray<PlannedTrial>,
  networkOf: ReturnType<typeof makeNetworks>,
): ReadonlyMap<Network, ReadonlyArray<PlannedTrial>> => {
  const spaces = new Map<Network, Array<PlannedTrial>>()
  for (const trial of trials) {
    const network = networkOf(trial.declaration.space)
    spaces.set(network, [...(spaces.get(network) ?? []), trial])
  }
  return spaces
}

/** As `--json` shows them. */
export const describeSpaces = (spaces: ReturnType<typeof spacesOf>) =>
  [...spaces].map(([network, trials]) => ({
    name: network.name,
    ...sizeOf(network),
    decisionList: decisionList(network.space),
    trials: trials.map(({ id }) => id),
  }))

const showCondition = ({ and = [], options, path }: Condition): string =>
  [`${path} is ${options.map(optionText).join(" or ")}`, ...and.map(showCondition)].join(" and ")

/** The decisions of a space, a row each. */
export const decisionTable = ({ space }: Network): string =>
  space.decisions.length === 0
    ? "no decisions: one network with one format for each operand"
    : table(
        ["decision", "role", "options", "active when"],
        decisionList(space).map(({ activeWhen, options, path, role }) => [
          path,
          role,
          options.map(optionText).join(", "),
          activeWhen === undefined ? "always" : activeWhen.map(showCondition).join(", or "),
        ]),
      )
