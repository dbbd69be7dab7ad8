/**
 * What the trials of a synthetic grid would have told a tracker, beside their records: start, parameters, curves, results,
 * note, formats. Left out: pictures and weights.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { labelsOf, trialPage } from "../src/cli/tracker/GridPages.ts"
import type { Plan } from "../src/experiment/Plan.ts"
import { final, phases, search } from "../src/metric/Metrics.ts"
import * as Fence from "../src/orchestrator/Fence.ts"
import * as Journal from "../src/orchestrator/Journal.ts"
import { trialFile } from "../src/orchestrator/Planned.ts"
import * as Result from "../src/orchestrator/Result.ts"
import * as State from "../src/orchestrator/State.ts"
import { tellResult } from "../src/orchestrator/TellResult.ts"

/** Points of each curve. */
const points = 50

const page = { ...trialPage, files: async () => ({}) }

const curveAt = (share: number, accuracy: number): Readonly<Record<string, number>> => ({
  [phases.train.loss.key]: 2.3 * Math.exp(-3 * share),
  [phases.train.accuracy.key]: accuracy * (1 - Math.exp(-5 * share)),
  [search.entropy.key]: 1.5 * (1 - share),
  [search.expectedCost.key]: 0.08 - 0.03 * share,
  [search.quality.key]: accuracy * share,
  [search.reward.key]: accuracy * share - 0.01,
})

/** Writes the spools of all trials of a grid that `SyntheticGrid.writeGrid` has written. */
export const writeRuns = (plan: Plan, state: string): Promise<void> => {
  const labels = labelsOf(plan)
  return Effect.forEach(
    plan.trials,
    (planned) =>
      Effect.gen(function* () {
        const trial = trialFile(plan, planned, {
          threads: 1,
          eager: false,
          tags: {},
          labels,
        })
        const fence = yield* Fence.enter(State.trialFolder(state, trial.id))
        const journal = yield* Journal.open(state, trial, fence)
        const result = yield* Result.read(State.resultFile(state, trial.id))
        if (result?.state !== "finished") return
        const accuracy = result.metrics[final.accuracy.key] ?? 0
        for (let i = 1; i <= points; i++)
          journal.metrics((i * trial.steps) / points, curveAt(i / points, accuracy))
        const { assignment, layers } = result
        yield* journal.artifact("assignment.json", JSON.stringify(assignment))
        yield* tellResult(journal, page, trial, {
          ...result,
          layers,
          state: "finished",
          step: trial.steps,
          hasModel: false,
        })
        journal.end("FINISHED")
        yield* journal.flush
      }).pipe(Effect.scoped),
    { discard: true },
  ).pipe(Effect.provide(NodeServices.layer), Effect.runPromise)
}
