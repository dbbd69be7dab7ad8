/** A plan of ResNet-8 on synthetic images, and what might come of its trials: what the tests of comparisons are fed with. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Result } from "effect"
import { parse } from "../../src/declaration/Document.ts"
import { builtOf } from "../../src/experiment/Checks.ts"
import { expand, type Plan, type PlannedTrial } from "../../src/experiment/Plan.ts"
import type { Ended } from "../../src/report/Comparison.ts"
import { toAssignment } from "../../src/space/DecisionSpace.ts"
import { givenChoices } from "../../src/search/Searches.ts"

const base = `
name: x
space: ../spaces/resnet8.yaml
data: { kind: synthetic }
train: { steps: 100 }
reward: { cost: { target: { times: 1, uniform: INT4 } } }
`

/** The plan of an experiment, named as if it stood in experiments/. */
export const planOf = (more: string): Promise<Plan> =>
  Effect.runPromise(
    parse("experiments/x.yaml", base + more).pipe(
      Effect.flatMap((document) => expand(document)),
      Effect.provide(NodeFileSystem.layer),
    ),
  )

const formats = ["INT3", "INT4", "INT5", "INT6", "INT7", "INT8"]

/** What a trial ends with: what it is fixed at, else `format` everywhere. */
const choicesOf = ({ declaration: { search, space } }: PlannedTrial, format: string) => {
  const network = builtOf(space).network!
  const given = givenChoices(search, network)
  return given !== undefined && Result.isSuccess(given)
    ? given.success
    : network.space.decisions.map(() => formats.indexOf(format))
}

/** A trial that has ended with an accuracy; one that is searched with `format` in every layer. */
export const endedWith = (trial: PlannedTrial, accuracy: number, format = "INT4"): Ended => {
  const { space } = builtOf(trial.declaration.space).network!
  const assignment = toAssignment(space, choicesOf(trial, format))
  return { trial, outcome: { accuracy, assignment } }
}
