/** No search: one assignment trained from the first step to the last, plain quantization-aware training. */
import { Schema } from "effect"
import { FilePath } from "../declaration/Field.ts"
import { FormatName } from "../format/FormatName.ts"
import type { Choices } from "../space/Decision.ts"
import { activity } from "../space/DecisionSpace.ts"
import type { Problem, Searcher, SearchKind, SearchMetrics } from "./Search.ts"

const Option = Schema.Union([
  Schema.Finite,
  Schema.String,
  Schema.Boolean,
  Schema.Array(Schema.Finite),
])

/** Path of a decision -> its option. */
export const AssignmentMap = Schema.Record(Schema.String, Option)

export const FixedSpec = Schema.Struct({
  kind: Schema.Literal("fixed"),
  uniform: Schema.optionalKey(
    FormatName.annotate({ description: "One format everywhere; one that the space offers." }),
  ),
  assignment: Schema.optionalKey(
    Schema.Union([FilePath, AssignmentMap]).annotate({
      description:
        "Path of a decision -> its option, for every active decision; or the file that holds it.",
    }),
  ),
}).annotate({ identifier: "FixedSearch" })
export type FixedSpec = typeof FixedSpec.Type

const State = Schema.Struct({})

export const makeFixed = (
  { space, cost }: Pick<Problem, "space" | "cost">,
  choices: Choices,
): Searcher<typeof State.Type> => {
  const spent = cost.of(choices)
  const metrics: SearchMetrics = {
    reward: Number.NaN,
    quality: Number.NaN,
    cost: spent,
    baseline: Number.NaN,
    advantage: Number.NaN,
    entropy: 0,
    commitment: 0,
    switching: 0,
    argmaxProbability: 1,
    expectedCost: spent,
    modeAgreement: 1,
    frozen: true,
  }
  const active = activity(space, choices)
  return {
    stateSchema: State,
    init: () => ({}),
    restore: () => ({}),
    propose: (state) => ({ state, proposals: [choices], train: choices }),
    needsQuality: () => false,
    update: (state) => ({ state, metrics }),
    final: () => choices,
    argmaxProbability: () => 1,
    probabilities: () =>
      space.decisions.map(({ options }, i) =>
        options.map((_, k) => (active[i] === 1 && k === choices[i] ? 1 : 0)),
      ),
    alarms: () => [],
  }
}

export const Fixed = {
  kind: "fixed",
  spec: FixedSpec,
  make: (_spec, problem) => {
    if (problem.assignment === null) throw new Error("a fixed search needs an assignment")
    return makeFixed(problem, problem.assignment)
  },
  problems: ({ uniform, assignment }) =>
    (uniform === undefined) === (assignment === undefined)
      ? [
          {
            path: ["search"],
            message: "a fixed search needs uniform or assignment, and not both; uniform: INT4, say",
          },
        ]
      : [],
  measures: () => false,
} as const satisfies SearchKind<FixedSpec>
