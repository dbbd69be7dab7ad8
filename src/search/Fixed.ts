/**
 * No search: one assignment trained from the first step to the last, plain quantization-aware training; or, for a share
 * of the steps, with its formats at their widest first, as searches train theirs.
 */
import { Result, Schema } from "effect"
import { allWithin, type Problem as Finding } from "../declaration/Errors.ts"
import { FilePath, optional } from "../declaration/Field.ts"
import type { NamedFile } from "../declaration/NamedFile.ts"
import { FormatOption } from "../format/FormatName.ts"
import { pairOf } from "../format/Pair.ts"
import type { Network } from "../network/Network.ts"
import { choicesOfUniform } from "../network/CostTarget.ts"
import type { Choices } from "../space/Decision.ts"
import { activity, fromAssignment, withWidestFormats } from "../space/DecisionSpace.ts"
import { OptionValue } from "../space/Option.ts"
import { delaySteps } from "./policy/Schedule.ts"
import {
  type Problem,
  type Searcher,
  type SearchKind,
  type SearchMetrics,
  unreadReward,
} from "./Search.ts"
import { withSwitching } from "./policy/Switching.ts"

/** Path of a decision -> its option. */
export const AssignmentMap = Schema.Record(Schema.String, OptionValue)

export const FixedSpec = Schema.Struct({
  kind: Schema.Literal("fixed"),
  uniform: optional(
    FormatOption,
    "One format, or one pair, everywhere; one that the space offers. Default: none; assignment is given.",
  ),
  assignment: optional(
    Schema.Union([FilePath, AssignmentMap]),
    "The option of every active decision, by the decision's path; or the file that holds them. Default: none; uniform is given.",
    { examples: ["assignment.json", { "stem.format": "INT8", "stage1.0.conv1.format": "INT4" }] },
  ),
  widest: optional(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 0.95 })),
    "Share of the steps that train all formats at the widest the space offers, before the assignment itself; 0 to 0.95.",
    { default: 0 },
  ),
}).annotate({
  identifier: "FixedSearch",
  description: "No search: one assignment is trained from the first step to the last.",
})
export type FixedSpec = typeof FixedSpec.Type

const State = Schema.Struct({})

export const makeFixed = (
  { space, cost }: Pick<Problem, "space" | "cost">,
  choices: Choices,
  wideSteps = 0,
): Searcher<typeof State.Type> => {
  const wide = withWidestFormats(space, choices)
  const trainedAt = (step: number): Choices => (step < wideSteps ? wide : choices)
  const metricsAt = (step: number): Omit<SearchMetrics, "switching"> => {
    const spent = cost.of(trainedAt(step))
    return {
      cost: spent,
      entropy: 0,
      commitment: 0,
      argmaxProbability: 1,
      expectedCost: spent,
      modeAgreement: 1,
      frozen: step >= wideSteps,
    }
  }
  const active = activity(space, choices)
  return withSwitching(space, {
    stateSchema: State,
    init: () => ({}),
    restore: () => ({}),
    propose: (state, step) => ({ state, proposals: [trainedAt(step)], train: trainedAt(step) }),
    needsQuality: () => false,
    update: (state, step) => ({ state, metrics: metricsAt(step) }),
    drawn: (_, step) => trainedAt(Math.max(0, step)),
    final: () => choices,
    argmaxProbability: () => 1,
    probabilities: () =>
      space.decisions.map(({ options }, i) =>
        options.map((_, k) => (active[i] === 1 && k === choices[i] ? 1 : 0)),
      ),
    alarms: () => [],
  })
}

/** A file with an assignment: a plain mapping, or what `result.json` has under `assignment`. */
export const AssignmentFile = {
  kind: "assignment",
  noun: "an assignment",
  schema: AssignmentMap.annotate({ identifier: "Assignment" }),
  recognises: (mapping) => {
    const entries = Object.entries(mapping)
    return entries.length > 0 && entries.every(([key, item]) => key.includes(".") && isOption(item))
  },
  use: (file) =>
    `an experiment trains it by search: { kind: fixed, assignment: ${file} }, and fliqs cost SPACE --assignment ${file} prints its cost`,
  within: { result: "assignment" },
} as const satisfies NamedFile<typeof AssignmentMap.Type>

const isOption = Schema.is(OptionValue)

const oneNeeded: Finding = {
  path: ["search"],
  message: "a fixed search needs uniform or assignment, and not both; uniform: INT4, say",
}

const choicesOf = (
  { assignment, uniform }: FixedSpec,
  network: Network,
): Result.Result<Choices, ReadonlyArray<Finding>> => {
  if (uniform !== undefined)
    return Result.mapError(choicesOfUniform(network, uniform), allWithin("search"))
  if (assignment === undefined) return Result.fail([oneNeeded])
  if (typeof assignment === "string")
    return Result.fail([
      { path: ["search", "assignment"], message: `the file ${assignment} was not read` },
    ])
  return Result.mapError(
    fromAssignment(network.space, assignment),
    allWithin("search", "assignment"),
  )
}

const plainest = (option: FormatOption): FormatOption => {
  const { activations, weights } = pairOf(option)
  return weights === activations ? weights : option
}

export const Fixed = {
  kind: "fixed",
  spec: FixedSpec,
  make: ({ widest = 0 }, problem) => {
    if (problem.assignment === null) throw new Error("a fixed search needs an assignment")
    return makeFixed(problem, problem.assignment, delaySteps(problem.steps, widest))
  },
  // a share of 0 is the same trial as none, and a pair of one format that format
  resolved: ({ uniform, widest, ...spec }) => ({
    ...spec,
    ...(uniform === undefined ? {} : { uniform: plainest(uniform) }),
    ...(widest === undefined || widest === 0 ? {} : { widest }),
  }),
  problems: ({ uniform, assignment }) =>
    (uniform === undefined) === (assignment === undefined) ? [oneNeeded] : [],
  given: {
    choices: choicesOf,
    uniform: ({ uniform }) => uniform,
    wideSteps: ({ widest = 0 }, steps) => delaySteps(steps, widest),
  },
  isDecided: ({ widest = 0 }) => widest === 0,
  files: { assignment: AssignmentFile },
  unread: () => unreadReward("kind", "beta", "quality"),
  measures: () => false,
} as const satisfies SearchKind<FixedSpec>
