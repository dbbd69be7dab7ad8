/**
 * A state folder as if a grid had been run: the records of every trial of an experiment, with made-up results.
 *
 * Assignments are drawn at each trial's target and cost what they cost; accuracies rise with the bits of the layers, the
 * more for the searches, with some noise. The same seed gives the same folder. For tests and benchmarks of what reads
 * grids. Left out: checkpoints, journals, anything a tracker gets.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { Effect } from "effect"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { bandUnder } from "../src/budget/WithinBudget.ts"
import { drawWithin } from "../src/budget/WithinTarget.ts"
import { formatIn } from "../src/cost/Bits.ts"
import { compile } from "../src/cost/Cost.ts"
import { Gbops } from "../src/cost/Gbops.ts"
import { Memory } from "../src/cost/Memory.ts"
import { read } from "../src/declaration/Document.ts"
import * as Record from "../src/disk/JsonRecord.ts"
import { builtOf } from "../src/experiment/Checks.ts"
import { expand, type Plan, type PlannedTrial } from "../src/experiment/Plan.ts"
import { final } from "../src/metric/Metrics.ts"
import { compileCost, targetOf } from "../src/network/CostTarget.ts"
import { trackedExperiment, trialFile } from "../src/orchestrator/Planned.ts"
import type { Result as TrialResult } from "../src/orchestrator/Result.ts"
import * as State from "../src/orchestrator/State.ts"
import { givenChoices, isSearching } from "../src/search/Searches.ts"
import { toAssignment } from "../src/space/DecisionSpace.ts"
import { valueOf } from "../src/space/Quantity.ts"
import { randomStream } from "../src/space/RandomStream.ts"
import { Result } from "effect"

const choicesOf = ({ declaration, id }: PlannedTrial) => {
  const network = builtOf(declaration.space).network!
  const cost = compileCost(network, declaration.reward?.cost)
  const target = Result.getOrThrow(targetOf(network, cost, declaration.reward!.cost.target))
  const given = givenChoices(declaration.search, network)
  const choices =
    given !== undefined && Result.isSuccess(given)
      ? given.success
      : drawWithin(network.space, cost, bandUnder(target), randomStream(declaration.seed, id))
  return { choices, cost, network, target }
}

/** The made-up result of a planned trial. */
const madeUp = (trial: PlannedTrial, startedAt: number): TrialResult => {
  const { choices, cost, network, target } = choicesOf(trial)
  const total = cost.of(choices)
  const layers = network.table.layers.flatMap((layer, i) =>
    valueOf(layer.active, choices) === 0
      ? []
      : [
          {
            path: layer.path,
            weightFormat: formatIn(layer.weightFormat, choices).name,
            activationFormat: formatIn(layer.activationFormat, choices).name,
            macs: valueOf(layer.macs, choices),
            costShare: valueOf(cost.terms[i]!, choices) / total,
          },
        ],
  )
  const { seed, search } = trial.declaration
  const gbops = compile(network.table, Gbops, network.space).of(choices)
  const macs = layers.reduce((sum, layer) => sum + layer.macs, 0)
  const bits = Math.sqrt((gbops * 1e9) / macs)
  const noise = (name: string) => randomStream(seed, name).normal() / 200
  // trials of one seed share a part of their noise, as those that see the same batches do
  const accuracy =
    0.75 -
    0.6 * 2 ** (-bits / 2) +
    (isSearching(search.kind) ? 0.02 : 0) +
    noise("all") +
    noise(trial.id)
  return {
    version: State.version,
    id: trial.id,
    state: "finished",
    metrics: {
      [final.accuracy.key]: accuracy,
      [final.cost.key]: total,
      [final.costOverTarget.key]: total / target,
      [final.gbops.key]: gbops,
      [final.memoryBytes.key]: compile(network.table, Memory, network.space).of(choices),
      [final.argmaxProbability.key]: 1,
      [final.switching.key]: 0,
    },
    assignment: toAssignment(network.space, choices),
    layers,
    steps: trial.declaration.train.steps,
    seconds: 60,
    attempt: 0,
    finishedAt: startedAt + 60_000,
    warnings: [],
  }
}

const write = (path: string, record: object): void => writeFileSync(path, Record.encode(record))

/** Writes the state folder of an experiment file, as its first `finished` trials have ended; all by default. */
export const writeGrid = async (
  file: string,
  state: string,
  options: { readonly sets?: ReadonlyArray<string>; readonly finished?: number } = {},
): Promise<Plan> => {
  const plan = await Effect.runPromise(
    read(file).pipe(
      Effect.flatMap((document) => expand(document, { sets: options.sets ?? [], yes: true })),
      Effect.provide(NodeFileSystem.layer),
    ),
  )
  const startedAt = Date.parse("2026-11-01")
  for (const [i, trial] of plan.trials.entries()) {
    const folder = State.trialFolder(state, trial.id)
    mkdirSync(State.checkpointFolder(state, trial.id), { recursive: true })
    write(`${folder}/trial.json`, trialFile(plan, trial, { threads: 1, eager: false, tags: {} }))
    if (i < (options.finished ?? Infinity))
      write(State.resultFile(state, trial.id), madeUp(trial, startedAt))
  }
  mkdirSync(State.gridFolder(state, plan.gridId), { recursive: true })
  write(State.gridFile(state, plan.gridId), {
    version: State.version,
    gridId: plan.gridId,
    experiment: trackedExperiment(plan),
    name: plan.name,
    file: plan.file,
    trials: plan.trials.map(({ id }) => id),
    startedAt,
  })
  return plan
}
