/**
 * The phases of a trial, one after the other: the search (`train.steps`); the network frozen and measured under the
 * final assignment; `finish.fineTune` more steps under it; `finish.retrain`: the same assignment from scratch.
 *
 * Batches follow from (seed, step) alone, so step, variables, the searcher's state and what the phases before found
 * are all a resumed trial needs; freezing and measuring are done again from the last checkpoint before them. Left
 * out: the steps of a phase (`Phase.ts`), snapshots (`Session.ts`), the freezing (`Finish.ts`).
 */
import { Schema } from "effect"
import { type Batches, openBatches, type StreamedDataset } from "../data/Batches.ts"
import type { Dataset } from "../data/Dataset.ts"
import { DatasetCorrupt } from "../data/Errors.ts"
import * as Metrics from "../metric/Metrics.ts"
import { makeFixed } from "../search/Fixed.ts"
import type { Searcher } from "../search/Search.ts"
import { toAssignment } from "../space/DecisionSpace.ts"
import { loaded } from "../tensor/Backend.ts"
import { differenceOf } from "./ArithmeticRecord.ts"
import { finish, type Finished } from "./Finish.ts"
import { keptModel } from "./KeptModel.ts"
import { artifacts, finalCosts, layerOutcomes } from "./Outcome.ts"
import { type Phase, type PhaseState, resumed, searchPhase, startOf, trainPhase } from "./Phase.ts"
import { type Found, openSession, type Session, SessionState } from "./Session.ts"
import type { TrainContext, TrainEvent } from "./TrainEvent.ts"
import { fineTuneRateAt, learningRateAt, retrainSteps } from "./TrainSpec.ts"
import type { Prepared } from "./Trial.ts"
import { weightsArtifact } from "./Weights.ts"

/** What all phases of a trial share. */
interface Run {
  readonly prepared: Prepared
  readonly dataset: Dataset | StreamedDataset
  readonly data: Batches
  readonly context: TrainContext
  /** The state in the checkpoint that the trial goes on from. */
  readonly saved: SessionState | undefined
}

/** Trains a prepared trial to its end, or on from `context.resume`. Throws `NotFinite` and `DatasetCorrupt`. */
export async function* loop(
  prepared: Prepared,
  dataset: Dataset | StreamedDataset,
  context: TrainContext,
): AsyncGenerator<TrainEvent> {
  const { network, trial } = prepared
  const { arithmetic } = loaded()!
  yield { type: "arithmetic", arithmetic }
  const data = openBatches(dataset, { ...trial.data, seed: trial.seed })
  try {
    for (const [split, digest] of Object.entries(data.splitDigests))
      yield { type: "dataset", name: dataset.name, digest, context: split }
    const saved =
      context.resume === undefined
        ? undefined
        : Schema.decodeUnknownSync(SessionState)(context.resume.state)
    checkUnchanged(dataset.name, data, saved)
    const other = saved?.arithmetic && differenceOf(saved.arithmetic, arithmetic)
    if (other !== undefined)
      yield {
        type: "warning",
        alarm: "otherArithmetic",
        message: `what its bits depend on has changed since the checkpoint (${other}): from here on they may not be those of a trial that was never interrupted`,
      }
    data.recall(saved?.broken ?? {})
    const run: Run = { prepared, dataset, data, context, saved }
    if (context.resume === undefined && context.initial !== undefined)
      yield weightsArtifact(network, context.initial, trial.train.initial?.skip)
    const searched = saved?.phase === "retrain" ? saved.found! : yield* searchAndTune(run)
    const steps = retrainSteps(trial)
    const found = steps === undefined ? searched : yield* retrain(run, searched, steps)
    yield {
      type: "finished",
      metrics: found.metrics,
      assignment: toAssignment(network.space, found.choices),
      layers: layerOutcomes(prepared, found.choices),
    }
  } finally {
    await data.close()
  }
}

/** A trial that goes on with other images would be neither the one nor the other. */
const checkUnchanged = (
  dataset: string,
  { splitDigests }: Batches,
  saved: SessionState | undefined,
): void => {
  for (const [split, digest] of Object.entries(splitDigests))
    if ((saved?.data?.[split] ?? digest) !== digest)
      throw new DatasetCorrupt({
        dataset,
        where: `its ${split} split`,
        what: "is not the one this trial began with",
        fix: "bring that back, or start from scratch with --restart",
      })
}

/** The search and what goes on with its weights. */
async function* searchAndTune(run: Run): AsyncGenerator<TrainEvent, Found> {
  const { context, dataset, prepared, saved } = run
  const session = openSession(prepared, dataset, context)
  try {
    const found = saved?.phase === "fineTune" ? saved.found! : yield* search(run, session)
    const { fineTune } = prepared.trial.finish
    return fineTune === undefined ? found : yield* tune(run, session, found, fineTune)
  } finally {
    session.dispose()
  }
}

async function* search(run: Run, session: Session): AsyncGenerator<TrainEvent, Found> {
  const { prepared } = run
  const { searcher, trial } = prepared
  const ended = yield* train(run, session, searchPhase(prepared))
  const choices = searcher.final(ended.search)
  const { accuracy, frozen } = yield* freeze(run, session, choices, trial.train.steps)
  const sensitivities = searcher.sensitivities?.(ended.search)
  yield* artifacts(prepared, choices, ended.progress, frozen, sensitivities)
  const { count, sum } = ended.switching
  return {
    choices: [...choices],
    metrics: {
      ...Metrics.byKey(Metrics.final, { accuracy }),
      ...finalCosts(prepared, choices),
      ...Metrics.byKey(Metrics.final, {
        argmaxProbability: searcher.argmaxProbability(ended.search),
        switching: count === 0 ? undefined : sum / count,
      }),
      ...Metrics.byKey(Metrics.best, { quality: ended.best ?? undefined }),
    },
  }
}

/** What was found with more final metrics. */
const withMetrics = (
  found: Found,
  more: Readonly<Partial<Record<keyof typeof Metrics.final, number>>>,
): Found => ({ ...found, metrics: { ...found.metrics, ...Metrics.byKey(Metrics.final, more) } })

/** Proposes what was found, and nothing else. */
const fixedAt = ({ cost, network }: Prepared, { choices }: Found): Searcher =>
  makeFixed({ cost, space: network.space }, choices)

async function* tune(
  run: Run,
  session: Session,
  found: Found,
  steps: number,
): AsyncGenerator<TrainEvent, Found> {
  const { train: spec } = run.prepared.trial
  yield* train(run, session, {
    searcher: fixedAt(run.prepared, found),
    steps,
    before: spec.steps,
    firstBatch: spec.steps,
    learningRate: (step) => fineTuneRateAt(spec.learningRate, step, steps),
    section: "fineTune",
    keep: { phase: "fineTune", found },
  })
  const { accuracy } = yield* freeze(run, session, found.choices, spec.steps + steps)
  return withMetrics(found, { fineTunedAccuracy: accuracy })
}

/** Exactly the trial that `search: { kind: fixed, assignment }` would be, of so many steps. */
async function* retrain(run: Run, found: Found, steps: number): AsyncGenerator<TrainEvent, Found> {
  const { context, dataset, prepared, saved } = run
  const { finish, train: spec } = prepared.trial
  const { resume, ...scratch } = context
  const session = openSession(
    prepared,
    dataset,
    saved?.phase === "retrain" && resume !== undefined ? { ...scratch, resume } : scratch,
  )
  try {
    yield* train(run, session, {
      searcher: fixedAt(prepared, found),
      steps,
      before: spec.steps + (finish.fineTune ?? 0),
      firstBatch: 0,
      learningRate: (step, frozenAt) => learningRateAt(spec.learningRate, step, steps, frozenAt),
      section: "retrain",
      keep: { phase: "retrain", found },
    })
    const { accuracy } = yield* freeze(run, session, found.choices, steps)
    return withMetrics(found, {
      retrainAccuracy: accuracy,
      retrainGap: accuracy - found.metrics[Metrics.final.accuracy.key]!,
    })
  } finally {
    session.dispose()
  }
}

/** Trains a phase from its start, or from where the checkpoint left it. */
const train = (
  { context, data, prepared, saved }: Run,
  session: Session,
  phase: Phase,
): AsyncGenerator<TrainEvent, PhaseState> => {
  const isSaved = saved !== undefined && saved.phase === phase.keep.phase
  const from = isSaved ? resumed(phase, context.resume!.step, saved) : startOf(phase)
  return trainPhase(phase, from, prepared, session, data)
}

async function* freeze(
  { data, dataset, prepared }: Run,
  { steps, supernet }: Session,
  choices: Found["choices"],
  firstStep: number,
): AsyncGenerator<TrainEvent, Finished> {
  const { data: spec, finish: how } = prepared.trial
  const finished = await finish(supernet, steps, data, choices, how, firstStep, spec.batchSize)
  for (const warning of data.warnings(true)) yield { type: "warning", ...warning }
  yield { type: "model", model: keptModel(supernet, choices, finished.frozen, dataset) }
  return finished
}
