/**
 * A warning for uniform controls of a space that also searches its architecture: they train its largest network. Smaller
 * networks in one format need a search of their own, and the warning says how to write it.
 */
import { Result } from "effect"
import { compile } from "../cost/Cost.ts"
import { isUnread } from "../cost/Costs.ts"
import type { Problem } from "../declaration/Errors.ts"
import { shellCommand } from "../declaration/Shell.ts"
import { type FormatOption, pairOf, yamlOf } from "../format/Pair.ts"
import type { Network } from "../network/Network.ts"
import { sizeOfFormat } from "../network/Decisions.ts"
import type { Space } from "../network/SpaceFile.ts"
import { compileCost, targetOf } from "../network/CostTarget.ts"
import { uniformOptions, uniformTable } from "../network/format/Uniform.ts"
import { isSearching } from "../search/Searches.ts"
import { builtOf } from "./Checks.ts"
import type { Grid } from "./Experiment.ts"
import type { PlannedTrial } from "./PlannedTrial.ts"

const has = ({ space }: Network, role: "format" | "architecture"): boolean =>
  space.decisions.some((decision) => decision.role === role)

/** The settings that give every layer of a space one format; overrides and granularity stay. */
const changesTo = ({ formats }: Space, option: FormatOption): ReadonlyArray<string> => {
  if (typeof formats !== "object") return []
  const list = `[${yamlOf(option)}]`
  if (formats.use !== undefined) return [`space.choices.${formats.use}.oneOf=${list}`]
  if (formats.oneOf !== undefined) return [`space.formats.oneOf=${list}`]
  const { activations, weights } = pairOf(option)
  return [`space.formats.weights=${weights}`, `space.formats.activations=${activations}`]
}

interface Joint {
  readonly trial: PlannedTrial
  readonly network: Network
  readonly target: number
}

/** The targets of trials that search formats and architecture at once. */
const jointOf = (trials: ReadonlyArray<PlannedTrial>): ReadonlyArray<Joint> =>
  trials.flatMap((trial) => {
    const { reward, search, space } = trial.declaration
    const { network } = builtOf(space)
    if (trial.control !== undefined || !isSearching(search.kind) || network === undefined) return []
    if (reward === undefined || isUnread(reward.cost)) return []
    if (!has(network, "format") || !has(network, "architecture")) return []
    const target = targetOf(network, compileCost(network, reward.cost), reward.cost.target)
    // The target as it is declared.
    return Result.isSuccess(target)
      ? [{ trial, network, target: Number(target.success.toPrecision(6)) }]
      : []
  })

/** The widest format in which smaller networks reach all targets. */
const reaching = (joint: ReadonlyArray<Joint>): FormatOption | undefined => {
  const { network, trial } = joint[0]!
  const { model } = compileCost(network, trial.declaration.reward?.cost)
  return uniformOptions(network)
    .toSorted((a, b) => sizeOfFormat(b) - sizeOfFormat(a))
    .find((format) => {
      const { max, min } = compile(
        uniformTable(network, format).table,
        model,
        network.space,
      ).range()
      return joint.every(({ target }) => target >= min && target <= max)
    })
}

const isOf = (key: string, block: string): boolean => key === block || key.startsWith(`${block}.`)

/** The targets as numbers, which need no format that is no longer offered. */
const targetChanges = (
  joint: ReadonlyArray<Joint>,
  matrix: NonNullable<Grid["matrix"]>,
): ReadonlyArray<string> => {
  const targets = [...new Set(joint.map(({ target }) => target))]
  const others = Object.entries(matrix).filter(([key]) => !isOf(key, "reward"))
  if (others.length === Object.keys(matrix).length) return [`reward.cost.target=${targets[0]}`]
  const lists = [...others, ["reward.cost.target", targets] as const]
  const written = lists.map(([key, list]) => `${key}: ${JSON.stringify(list)}`)
  return [`matrix={ ${written.join(", ")} }`]
}

const pathOf = (set: string): string => set.slice(0, set.indexOf("=")).trim()

const related = (a: string, b: string): boolean => isOf(a, b) || isOf(b, a)

/** All of `given` that `sets` do not replace; undefined if both change one part of the space. */
const together = (
  given: ReadonlyArray<string>,
  sets: ReadonlyArray<string>,
): ReadonlyArray<string> | undefined => {
  const replaced = given.filter((set) => sets.some((own) => related(pathOf(own), pathOf(set))))
  return replaced.some((set) => isOf(pathOf(set), "space"))
    ? undefined
    : [...given.filter((set) => !replaced.includes(set)), ...sets]
}

/** A warning if uniform controls are compared with a search of smaller networks; else nothing. */
export const smallerNetworks = (
  { exclude = [], include = [], matrix = {} }: Pick<Grid, "exclude" | "include" | "matrix">,
  trials: ReadonlyArray<PlannedTrial>,
  command: { readonly file: string; readonly sets: ReadonlyArray<string> },
): ReadonlyArray<Problem> => {
  if (!trials.some(({ control }) => control !== undefined && control !== "random")) return []
  const joint = jointOf(trials)
  const [first] = joint
  if (first === undefined) return []
  const said = "uniform controls train the largest network"
  const varied = Object.keys(matrix)
  const isPlain =
    exclude.length === 0 &&
    include.length === 0 &&
    !varied.some(
      (key) => isOf(key, "space") || (isOf(key, "reward") && !isOf(key, "reward.cost.target")),
    )
  const format = reaching(joint)
  const sets =
    format === undefined || !isPlain
      ? undefined
      : together(command.sets, [
          ...changesTo(first.trial.declaration.space, format),
          ...targetChanges(joint, matrix),
          "controls=[]",
        ])
  const how =
    sets === undefined
      ? "an experiment whose space offers one format and the same sizes, at the same targets"
      : shellCommand(["fliqs", "run", command.file, ...sets.flatMap((set) => ["--set", set])])
  return [
    {
      path: ["controls"],
      message: `${said}; smaller networks in one format are found by ${how}`,
      severity: "warning",
    },
  ]
}
