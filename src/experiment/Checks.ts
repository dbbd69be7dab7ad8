/**
 * The checks of a space and a trial that need the built network, and the formats of the uniform control.
 *
 * A network is built once for each space.
 */
import { Result } from "effect"
import * as Costs from "../cost/Costs.ts"
import type { LayerTable } from "../cost/LayerTable.ts"
import type { LimitSpec } from "../cost/LimitKinds.ts"
import type { Check } from "../declaration/Decode.ts"
import * as Datasets from "../data/Datasets.ts"
import { allWithin, type Problem, within } from "../declaration/Errors.ts"
import { unreadFiles } from "../declaration/NamedFile.ts"
import { build, type Built } from "../network/Build.ts"
import { largestInput } from "../network/InputSize.ts"
import type { Space } from "../network/SpaceFile.ts"
import { limitsOf } from "../network/CostLimits.ts"
import { targetProblems, uniformsBeside } from "../network/CostTarget.ts"
import { filesOf, givenChoices, networkProblems, normsOf } from "../search/Searches.ts"
import type { FormatOption } from "../format/Pair.ts"
import type { Trial } from "../train/Trial.ts"
import { type Alike, alike } from "./Identity.ts"
import { limitProblems } from "./LimitProblems.ts"

/** The checks that need the network of a space. */
export interface Checks {
  /** Problems and warnings of a space, by paths into it. */
  readonly space: Check<Space>
  /** Problems of a trial whose space has none, by paths into it; `fill` is the command that adds what the file of its cost lacks. */
  readonly trial: (trial: Trial, fill?: string) => ReadonlyArray<Problem>
  /**
   * A valid trial with everything its result depends on: without the times of layers that its network does not have,
   * and with the digests of the user's own files.
   */
  readonly reduce: (trial: Trial) => Trial
  /** A key for what is trained: equal for trials that train alike. */
  readonly alike: (trial: Trial) => Alike
  /** The single formats whose networks the target is compared with; problems if the space does not offer one everywhere. */
  readonly uniforms: (
    trial: Trial,
  ) => Result.Result<ReadonlyArray<FormatOption>, ReadonlyArray<Problem>>
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

const cost = ["reward", "cost"] as const

/**
 * Problems of a trial whose space has none: a latency table with gaps, a target out of reach, a format or an assignment
 * that the space does not offer.
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
  if (reward !== undefined && !Costs.isUnread(reward.cost)) {
    const unfit = Costs.problems(reward.cost, network.table, fill)
    problems.push(...unfit.map(within(...cost)))
    if (unfit.length === 0)
      problems.push(...targetProblems(network, reward.cost).map(within(...cost, "target")))
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
  problems.push(...networkProblems(search, network))
  const isUnread = unreadFiles(filesOf(search), search).length > 0
  const given = isUnread ? undefined : givenChoices(search, network)
  if (given !== undefined && Result.isFailure(given)) problems.push(...given.failure)
  else if (reward !== undefined && !isUnread)
    problems.push(...limitProblems(network, reward, given?.success, fill).map(within("reward")))
  return problems
}

/** Problems of images or classes that do not fit the network. */
const dataProblems = ({ data, space }: Trial, folder: string): Array<Problem> => {
  const shape = Datasets.describe(data, folder)
  // Problems of the user's own files are reported with the experiment.
  if (shape === undefined) return []
  const { height, width, channels, classes, name } = shape
  const input = largestInput(space.input)
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

/** The single formats whose networks the target of the trial is compared with. */
const uniformsOf: Checks["uniforms"] = (trial) => {
  const { network } = builtOf(trial.space)
  if (network === undefined || trial.reward === undefined)
    return Result.fail([
      {
        path: ["controls"],
        message: "a uniform control needs a target; add reward: { cost: { target: ... } }",
      },
    ])
  const { cost: spec, limits: specs = [] } = trial.reward
  const limits = limitsOf(network, specs)
  return Result.mapError(uniformsBeside(network, spec, limits), allWithin(...cost, "target"))
}

/** A limit with only those parts of its file that it depends on. */
const limitIdentity = (limit: LimitSpec, layers: LayerTable): LimitSpec => {
  if (limit.kind !== "latency") return limit
  const known = Costs.identity({ ...limit, target: limit.max }, layers)
  return known.kind === "latency" ? { ...limit, table: known.table } : limit
}

/** A trial with only those parts of its cost file that its cost depends on: the other parts do not change its id. */
export const reduce = (trial: Trial): Trial => {
  const { network } = builtOf(trial.space)
  const { reward } = trial
  if (network === undefined || reward === undefined) return trial
  const { limits } = reward
  return {
    ...trial,
    reward: {
      ...reward,
      cost: Costs.identity(reward.cost, network.table),
      ...(limits === undefined
        ? {}
        : { limits: limits.map((limit) => limitIdentity(limit, network.table)) }),
    },
  }
}

/** The checks on the built network, for an experiment file in `folder`. */
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
