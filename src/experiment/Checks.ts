/**
 * What only the built network can say of a space and of a trial, and the format of the uniform control.
 *
 * Networks are built once for each space that is met.
 */
import type { CostSpec } from "../cost/Costs.ts"
import { usedOf } from "../cost/LatencyTable.ts"
import type { Check } from "../declaration/Decode.ts"
import * as Datasets from "../data/Datasets.ts"
import type { Problem } from "../declaration/Errors.ts"
import { build, type Built, type Network } from "../network/Build.ts"
import type { Space } from "../network/SpaceFile.ts"
import {
  compileCost,
  costProblems,
  targetOf,
  targetProblems,
  uniformsBeside,
} from "../network/Target.ts"
import { normsOf, spaceProblems as searchSpaceProblems } from "../search/Searches.ts"
import type { FormatOption } from "../format/Pair.ts"
import { fromAssignment } from "../space/DecisionSpace.ts"
import type { Trial } from "../train/Trial.ts"
import { type Alike, alike } from "./Identity.ts"

/** What is asked of the network of a space. */
export interface Checks {
  /** Problems and warnings of a space, by paths into it. */
  readonly space: Check<Space>
  /** Problems of a trial whose space has none, by paths into it; `fill` is the command that fills its latency table. */
  readonly trial: (trial: Trial, fill?: string) => ReadonlyArray<Problem>
  /**
   * A trial without problems with all that its result depends on: less times of layers that its network does not have,
   * and with what the user's own files decide.
   */
  readonly reduce: (trial: Trial) => Trial
  /** What is trained, in one spelling; a key that trials have in common which train alike. */
  readonly alike: (trial: Trial) => Alike
  /** The single formats whose networks stand beside the target; a Problem when the space offers none everywhere. */
  readonly uniforms: (trial: Trial) => ReadonlyArray<FormatOption> | Problem
}

const networks = new WeakMap<object, Built>()

/** The network of a space, built at most once for each `network` list in memory. */
export const builtOf = (space: Space): Built => {
  const known = networks.get(space.network)
  if (known !== undefined) return known
  const made = build(space)
  networks.set(space.network, made)
  return made
}

const asWarning = (problem: Problem): Problem => ({ ...problem, severity: "warning" })

/** Problems and warnings of a space, by paths into it. */
export const spaceProblems = (space: Space): ReadonlyArray<Problem> => {
  const { problems, warnings } = builtOf(space)
  return [...problems, ...warnings.map(asWarning)]
}

/** A latency table whose file is not read, or could not be: nothing can be said of its cost. */
export const isUnread = (spec: CostSpec | undefined): boolean =>
  spec?.kind === "latency" && typeof spec.table === "string"

const cost = ["reward", "cost"] as const

const below =
  (...from: ReadonlyArray<string>) =>
  (problem: Problem): Problem => ({
    ...problem,
    path: [...cost, ...from, ...problem.path],
  })

/**
 * Problems of a trial whose space has none: a latency table with gaps, a target out of reach, a format or an assignment
 * that is not offered.
 */
export const trialProblems = (
  trial: Trial,
  folder: string,
  fill?: string,
): ReadonlyArray<Problem> => {
  const { network } = builtOf(trial.space)
  if (network === undefined) return []
  const { search, reward } = trial
  const problems = dataProblems(trial, folder)
  if (reward !== undefined && !isUnread(reward.cost)) {
    const unfit = costProblems(network, reward.cost, fill)
    problems.push(...unfit.map(below()))
    if (unfit.length === 0)
      problems.push(...targetProblems(network, reward.cost).map(below("target")))
  }
  if (
    normsOf(search) === "running" &&
    !network.graph.nodes.some(({ operation }) => operation === "batchNorm")
  )
    problems.push({
      path: ["search", "norms"],
      message:
        "the space has no batch norm, and no other norm has running averages; batch, or no such key, would be right",
    })
  problems.push(...searchSpaceProblems(search, network.space))
  if (
    search.kind === "differentiable" &&
    network.table.layers.some(({ scaleRule }) => scaleRule === "learned")
  )
    problems.push({
      path: ["search", "kind"],
      message:
        "differentiable weights formats by probabilities, which learned scales cannot follow; use another scale.rule, or reinforce",
    })
  return search.kind === "fixed" ? [...problems, ...fixedProblems(network, search)] : problems
}

/** Images or classes that are not those the network is made for. */
const dataProblems = ({ data, space }: Trial, folder: string): Array<Problem> => {
  const shape = Datasets.describe(data, folder)
  // What is wrong with one's own files is told with the experiment.
  if (shape === undefined) return []
  const { height, width, channels, classes, name } = shape
  const { input } = space
  const problems: Array<Problem> = []
  if (input.height !== height || input.width !== width || input.channels !== channels)
    problems.push({
      path: ["space", "input"],
      message: `images of ${name} are ${height} x ${width} x ${channels}; input: { height: ${height}, width: ${width}, channels: ${channels} } would be right`,
    })
  if (space.classes !== classes.length)
    problems.push({
      path: ["space", "classes"],
      message: `${name} has ${classes.length} classes; classes: ${classes.length} would be right`,
    })
  return problems
}

/** A format or an assignment that the space does not offer. */
const fixedProblems = (
  network: Network,
  search: Extract<Trial["search"], { readonly kind: "fixed" }>,
): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  if (search.uniform !== undefined) {
    const uniform = { times: 1, uniform: search.uniform }
    const found = targetOf(network, compileCost(network, undefined), uniform)
    if (typeof found !== "number") problems.push({ ...found, path: ["search", ...found.path] })
  }
  if (typeof search.assignment === "object") {
    const found = fromAssignment(network.space, search.assignment)
    if ("problems" in found)
      for (const text of found.problems) {
        const colon = text.indexOf(": ")
        problems.push({
          path: ["search", "assignment", text.slice(0, colon)],
          message: text.slice(colon + 2),
        })
      }
  }
  return problems
}

/** The single formats whose networks stand beside the target of the trial. */
const uniformsOf = (trial: Trial): ReadonlyArray<FormatOption> | Problem => {
  const { network } = builtOf(trial.space)
  if (network === undefined || trial.reward === undefined)
    return {
      path: ["controls"],
      message: "a uniform control needs a target; add reward: { cost: { target: ... } }",
    }
  const found = uniformsBeside(network, trial.reward.cost)
  return "message" in found ? below("target")(found) : found
}

/** A trial is its latency table's times that it can ask for: more entries in the file leave its id as it is. */
export const reduce = (trial: Trial): Trial => {
  const { network } = builtOf(trial.space)
  const { reward } = trial
  if (network === undefined || reward?.cost.kind !== "latency") return trial
  const { table } = reward.cost
  if (typeof table === "string") return trial
  const cost = { ...reward.cost, table: usedOf(table, network.table) }
  return { ...trial, reward: { ...reward, cost } }
}

/** The checks of the network as it is built, for an experiment file in `folder`. */
export const networkChecks = (folder: string): Checks => ({
  space: spaceProblems,
  trial: (trial, fill) => trialProblems(trial, folder, fill),
  reduce: (trial) => ({ ...reduce(trial), data: Datasets.resolve(trial.data, folder) }),
  alike: (trial) => {
    const { network } = builtOf(trial.space)
    if (network === undefined) throw new Error("a space without problems was not built")
    return alike(trial, network)
  },
  uniforms: uniformsOf,
})
