/** A plan of ResNet-8 on synthetic images, and what might come of its trials: what the tests of comparisons are fed with. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Result } from "effect"
import { parse } from "../../src/declaration/Document.ts"
import { builtOf } from "../../src/experiment/Checks.ts"
import { expand, type Plan, type PlannedTrial } from "../../src/experiment/Plan.ts"
import { compile } from "../../src/cost/Cost.ts"
import { Gbops } from "../../src/cost/Gbops.ts"
import { Memory } from "../../src/cost/Memory.ts"
import { final } from "../../src/metric/Metrics.ts"
import { compileCost } from "../../src/network/CostTarget.ts"
import { targetIn } from "../../src/report/Targets.ts"
import type { TrialRecord } from "../../src/report/TrialRecords.ts"
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

/**
 * A trial that has ended with an accuracy: one that is searched with `format` in every layer, but for the layers of
 * `others`, and costs as its network does.
 */
export const endedWith = (
  trial: PlannedTrial,
  accuracy: number,
  format = "INT4",
  others: Readonly<Record<string, string>> = {},
): TrialRecord => {
  const { cell, declaration, id, parameters } = trial
  const network = builtOf(declaration.space).network!
  const { decisions } = network.space
  const isSearched = givenChoices(declaration.search, network) === undefined
  const choices = choicesOf(trial, format).map((choice, i) => {
    const other = isSearched ? others[decisions[i]!.path] : undefined
    return other === undefined ? choice : formats.indexOf(other)
  })
  const cost = compileCost(network, declaration.reward?.cost).of(choices)
  return {
    id,
    state: "finished",
    cell,
    parameters,
    metrics: {
      [final.accuracy.key]: accuracy,
      [final.cost.key]: cost,
      [final.costOverTarget.key]: cost / targetIn(trial)!,
      [final.gbops.key]: compile(network.table, Gbops, network.space).of(choices),
      [final.memoryBytes.key]: compile(network.table, Memory, network.space).of(choices),
    },
    assignment: toAssignment(network.space, choices),
    layers: [],
  }
}
