/**
 * A plan on its way into the state folder: planned trials as trial files, and how each already stands.
 */
import * as nodePath from "node:path"
import { Effect } from "effect"
import type { Standing, StandingOf } from "../experiment/EarlierIds.ts"
import type { Plan, PlannedTrial } from "../experiment/Plan.ts"
import type { Resources } from "../experiment/Resources.ts"
import { experimentOf } from "../track/Trackers.ts"
import { totalSteps } from "../train/TrainSpec.ts"
import { costKindOf } from "./CostKind.ts"
import * as Result from "./Result.ts"
import * as State from "./State.ts"
import type * as TrialIndex from "./TrialIndex.ts"

export interface Execution {
  /** Threads of one trial, where the experiment does not say. */
  readonly threads: number | ((resources: Resources) => number)
  readonly eager: boolean
  /** Tags of every run in the tracker, such as the commit. */
  readonly tags: Readonly<Record<string, string>>
  /** What the tracker calls the trial of an id. */
  readonly labels?: ReadonlyMap<string, State.TrialFile["labels"]>
}

/** The name of the experiment in the tracker. */
export const trackedExperiment = ({ name, track }: Plan): string => experimentOf(track, name)

const labelsOf = (labels: State.TrialFile["labels"]) => (labels === undefined ? {} : { labels })

/** A planned trial as `trial.json` keeps it. */
export const trialFile = (
  plan: Plan,
  trial: PlannedTrial,
  { eager, labels, tags, threads }: Execution,
): State.TrialFile => ({
  version: State.version,
  id: trial.id,
  gridId: plan.gridId,
  experiment: trackedExperiment(plan),
  name: trial.name,
  cell: trial.cell,
  parameters: trial.parameters,
  declaration: trial.declaration,
  steps: totalSteps(trial.declaration),
  tags,
  ...labelsOf(labels?.get(trial.id)),
  execution: {
    threads:
      trial.execution.threads ??
      (typeof threads === "number" ? threads : threads(trial.execution.resources ?? {})),
    checkpointEvery: trial.execution.checkpointEvery,
    eager,
    folder: nodePath.resolve(nodePath.dirname(plan.file)),
    ...(trial.execution.resources === undefined ? {} : { resources: trial.execution.resources }),
    ...(trial.execution.timeout === undefined ? {} : { timeout: trial.execution.timeout }),
    ...(trial.initial === undefined ? {} : { initial: trial.initial.file }),
  },
})

/** Seconds per step of earlier trials in this folder; the median of trials that cost about the same per step. */
export const secondsPerStep = Effect.fnUntraced(function* (index: TrialIndex.TrialIndex) {
  const known = new Map<string, Array<number>>()
  for (const id of yield* State.trialIds(index.state)) {
    const timed = yield* index.timeOf(id)
    if (timed === undefined || timed.steps < 10) continue
    const speeds = known.get(timed.costKind) ?? []
    speeds.push(timed.seconds / timed.steps)
    known.set(timed.costKind, speeds)
  }
  for (const speeds of known.values()) speeds.sort((a, b) => a - b)
  return (trial: PlannedTrial): number | undefined => {
    const speeds = known.get(costKindOf(trial.declaration))
    return speeds?.[Math.floor(speeds.length / 2)]
  }
})

/** How trials stand in a state folder. What cannot be read is reported where it is used. */
export const standing =
  (state: string): StandingOf =>
  (id) =>
    Effect.gen(function* () {
      const trial = yield* State.readTrial(State.trialFile(state, id))
      if (trial === undefined) return "unknown" satisfies Standing
      const result = yield* Result.read(State.resultFile(state, id))
      return (result?.state === "finished" ? "finished" : "begun") satisfies Standing
    }).pipe(Effect.orElseSucceed((): Standing => "begun"))
