/**
 * One phase of a trial: so many steps under one searcher, each of which proposes, trains, measures and updates.
 *
 * At step t the searcher proposes assignments; the shared weights take one optimizer step under one of them; the
 * quality of every proposal is measured; the searcher updates its policy (FLIQS, arXiv 2308.03290, section 3). Left
 * out: which phases there are and what each ends with (`Loop.ts`), the graphs (`Steps.ts`), the policy (`search/`).
 */
import { setImmediate } from "node:timers/promises"
import type { Batch, Batches } from "../data/Batches.ts"
import { isInLastSteps } from "../search/policy/LastSamples.ts"
import type { Proposed, Searcher, SearchMetrics } from "../search/Search.ts"
import { qualityOf } from "../search/Searches.ts"
import type { Choices } from "../space/Decision.ts"
import { widestChoices } from "../space/DecisionSpace.ts"
import { randomStream } from "../space/RandomStream.ts"
import { beginWatch, divergence, watch, type WatchState } from "./Divergence.ts"
import * as Metrics from "../metric/Metrics.ts"
import { metricsEvery, policyEvery, Progress } from "./Progress.ts"
import { qualitiesOf } from "./Qualities.ts"
import { type Session, type SessionState, snapshotOf } from "./Session.ts"
import type { Trained, TrainedRelaxed } from "./Steps.ts"
import type { TrainEvent } from "./TrainEvent.ts"
import { learningRateAt } from "./TrainSpec.ts"
import type { Prepared } from "./Trial.ts"

export interface Phase {
  readonly searcher: Searcher
  readonly steps: number
  /** Steps of the trial that lie before it. */
  readonly before: number
  /** Batches and dropout of its first step are those of this step of the data's order. */
  readonly firstBatch: number
  /** Steps count from 0 within the phase; `frozenAt` as in `PhaseState`. */
  readonly learningRate: (step: number, frozenAt: number | undefined) => number
  /** Section of its loss and accuracy. */
  readonly section: "train" | "fineTune" | "retrain"
  /** What its checkpoints hold beside its own state: which phase it is, what those before it found. */
  readonly keep: Pick<SessionState, "phase" | "found">
}

/** The search of a trial. */
export const searchPhase = ({ searcher, trial }: Prepared): Phase => {
  const { learningRate, steps } = trial.train
  return {
    searcher,
    steps,
    before: 0,
    firstBatch: 0,
    learningRate: (step, frozenAt) => learningRateAt(learningRate, step, steps, frozenAt),
    section: "train",
    keep: {},
  }
}

/** Where a phase goes on from, or how it ended. */
export interface PhaseState {
  /** Completed steps of the phase. */
  readonly step: number
  readonly search: unknown
  readonly progress: Progress
  /** Best quality so far; null before the first was measured. */
  readonly best: number | null
  /** Over the last 2 % of the steps. */
  readonly switching: { readonly sum: number; readonly count: number }
  /** Undefined before the first step. */
  readonly weights: WatchState | undefined
  /**
   * First step of the phase that trains under a frozen search; 0 where it was frozen from the start, undefined while it
   * is not.
   */
  readonly frozenAt: number | undefined
}

/** Thrown when a loss is not finite. */
export class NotFinite extends Error {
  readonly step: number
  constructor(step: number, message: string) {
    super(message)
    this.step = step
  }
}

export const startOf = ({ searcher }: Phase): PhaseState => ({
  step: 0,
  search: searcher.init(),
  progress: new Progress(),
  best: null,
  switching: { sum: 0, count: 0 },
  weights: undefined,
  frozenAt: undefined,
})

/** The state of this phase in a checkpoint that was made after `step` steps of the trial. */
export const resumed = (
  { before, searcher }: Phase,
  step: number,
  saved: SessionState,
): PhaseState => ({
  step: step - before,
  search: searcher.restore(saved.search),
  progress: new Progress(saved.progress),
  best: saved.best,
  switching: saved.switching ?? { sum: 0, count: 0 },
  weights: saved.weights,
  frozenAt: saved.frozenAt,
})

/** What dropout draws from at a step: it follows from (seed, step) alone. */
const dropoutSeed = (seed: number, step: number): readonly [number, number] => {
  const random = randomStream(seed, `dropout/${step}`)
  const word = () => random.integer(2 ** 32) | 0
  return [word(), word()]
}

/** The assignment that teaches a narrower one while a search with a delay is undecided; undefined: none does. */
const teacherOf = (
  { searcher }: Phase,
  { network, trial }: Prepared,
  trained: Choices,
): Choices | undefined => {
  if (trial.train.distill === undefined || searcher.delayEnd === undefined) return undefined
  const widest = widestChoices(network.space)
  return trained.every((choice, i) => choice === widest[i]) ? undefined : widest
}

/** What all steps of a phase share. */
interface PhaseRun {
  readonly phase: Phase
  readonly prepared: Prepared
  readonly session: Session
  readonly data: Batches
}

/** How far a phase has come. */
interface PhaseProgress extends Omit<PhaseState, "progress" | "weights"> {
  readonly weights: WatchState
  /** Norm of the weights of every layer. */
  readonly norms: Float32Array
}

/** A step as it was taken: what was proposed, and what the training pass gives. */
interface TakenStep {
  readonly proposed: Proposed<unknown>
  readonly batch: Batch
  readonly measured: Trained
  /** The same where all formats were trained at once. */
  readonly relaxed: TrainedRelaxed | undefined
}

/** Puts the channels in order before the step that follows the delay: a checkpoint after that step holds them sorted. */
const sortChannelsAt = ({ phase, prepared, session }: PhaseRun, step: number): void => {
  if (prepared.trial.train.sortChannels === "delayEnd" && step === phase.searcher.delayEnd)
    session.steps.sortChannels()
}

/** Proposes, and takes one optimizer step. */
const takeStep = async (run: PhaseRun, state: PhaseProgress): Promise<TakenStep> => {
  const { data, phase, prepared } = run
  const { searcher } = phase
  const { frozenAt, search, step } = state
  const { steps } = run.session
  const drawn = phase.firstBatch + step
  const proposed = searcher.propose(search, step)
  const batch = await data.trainBatch(drawn)
  const rate = phase.learningRate(step, frozenAt)
  const random = dropoutSeed(prepared.trial.seed, drawn)
  const mixed = searcher.relaxed?.(proposed.state, step)
  if (mixed !== undefined) {
    const relaxed = steps.trainRelaxed(batch, mixed, rate, random)
    return { proposed, batch, measured: relaxed, relaxed }
  }
  const teacher = frozenAt === undefined ? teacherOf(phase, prepared, proposed.train) : undefined
  const measured =
    teacher === undefined
      ? steps.train(batch, proposed.train, rate, random)
      : steps.distill(batch, proposed.train, teacher, rate, random)
  return { proposed, batch, measured, relaxed: undefined }
}

/** Watches the weights of a step that was taken. Throws `NotFinite`. */
function* watchStep(
  { phase, prepared }: PhaseRun,
  { norms, step, weights }: PhaseProgress,
  { measured, proposed, relaxed }: TakenStep,
): Generator<TrainEvent, WatchState> {
  const total = phase.before + step + 1
  const taken = {
    network: prepared.network,
    step: total,
    choices: proposed.train,
    mixed: relaxed !== undefined,
    before: norms,
    after: measured.weightNorms,
  }
  if (!Number.isFinite(measured.loss)) {
    const message = divergence(weights, taken)
    yield { type: "warning", alarm: "divergingFormat", message }
    throw new NotFinite(total, message)
  }
  const watched = watch(weights, taken)
  if (watched.alarm !== undefined && weights.alarm === undefined)
    yield { type: "warning", alarm: "divergingFormat", message: watched.alarm }
  return watched
}

/** Quality of every proposal; none where the searcher needs none. */
const measureProposals = async (
  { data, phase: { searcher }, prepared: { trial }, session }: PhaseRun,
  step: number,
  { batch, measured, proposed }: TakenStep,
): Promise<ReadonlyArray<number>> =>
  searcher.needsQuality(proposed.state, step, proposed.proposals)
    ? qualitiesOf(
        qualityOf(trial.search, trial.reward),
        session.steps,
        proposed.proposals,
        searcher.trainsProposal === true ? measured : undefined,
        { train: () => batch, heldOut: () => data.heldOutBatch(step) },
      )
    : []

/** The state after a step whose searcher was updated. */
const advance = (
  { phase }: PhaseRun,
  state: PhaseProgress,
  { measured }: TakenStep,
  weights: WatchState,
  qualities: ReadonlyArray<number>,
  updated: ReturnType<Searcher["update"]>,
): PhaseProgress => {
  const { best, frozenAt, step, switching } = state
  const { frozen, switching: switched } = updated.metrics
  const finite = qualities.filter(Number.isFinite)
  const counts = isInLastSteps(step, phase.steps) && switched !== undefined
  return {
    step: step + 1,
    search: updated.state,
    best: finite.length > 0 ? Math.max(best ?? -Infinity, ...finite) : best,
    switching: counts ? { sum: switching.sum + switched, count: switching.count + 1 } : switching,
    weights,
    frozenAt: frozenAt ?? (frozen ? (step === 0 ? 0 : step + 1) : undefined),
    norms: measured.weightNorms,
  }
}

/** The metrics that a step reports, by their keys. */
const metricsOf = (
  { section }: Phase,
  { measured: { accuracy, loss }, relaxed }: TakenStep,
  metrics: SearchMetrics,
): Readonly<Record<string, number>> => ({
  ...Metrics.byKey(Metrics.phases[section], { loss, accuracy }),
  ...(section === "train"
    ? Metrics.byKey(Metrics.search, { ...metrics, relaxedBytes: relaxed?.copiedBytes })
    : {}),
})

/** The checkpoint after the steps so far. */
const checkpointOf = (
  { data, phase, session: { arithmetic, variables } }: PhaseRun,
  { best, frozenAt, search, step, switching, weights }: PhaseProgress,
  progress: Progress,
): TrainEvent => {
  const total = phase.before + step
  const broken = data.broken()
  const saved = {
    search,
    best,
    switching,
    weights,
    ...(frozenAt === undefined ? {} : { frozenAt }),
    arithmetic,
    data: data.splitDigests,
    ...(Object.keys(broken).length === 0 ? {} : { broken }),
    ...phase.keep,
  }
  return {
    type: "checkpoint",
    step: total,
    snapshot: () => snapshotOf(total, variables, { ...saved, progress: progress.state() }),
  }
}

/** Trains a phase to its end. Throws `NotFinite`. */
export async function* trainPhase(
  phase: Phase,
  from: PhaseState,
  prepared: Prepared,
  session: Session,
  data: Batches,
): AsyncGenerator<TrainEvent, PhaseState> {
  const run: PhaseRun = { phase, prepared, session, data }
  const { searcher } = phase
  const { progress, ...start } = from
  const norms = session.steps.weightNorms()
  let state: PhaseProgress = { ...start, norms, weights: from.weights ?? beginWatch(norms) }

  while (state.step < phase.steps) {
    const { step } = state
    sortChannelsAt(run, step)
    const taken = await takeStep(run, state)
    const weights = yield* watchStep(run, state, taken)
    const qualities = await measureProposals(run, step, taken)
    const updated = searcher.update(taken.proposed.state, step, {
      ...taken.proposed,
      qualities,
      ...(taken.relaxed === undefined ? {} : { slopes: taken.relaxed.slopes }),
    })
    state = advance(run, state, taken, weights, qualities, updated)

    const done = state.step
    const total = phase.before + done
    progress.add(metricsOf(phase, taken, updated.metrics))
    if (done % metricsEvery(phase.steps) === 0 || done === phase.steps)
      yield { type: "metrics", step: total, values: progress.take() }
    if (done % policyEvery(phase.steps) === 0 || done === 1 || done === phase.steps)
      progress.keepPolicy(done, searcher.probabilities(state.search))
    for (const alarm of searcher.alarms(state.search, step)) yield { type: "warning", ...alarm }
    for (const warning of data.warnings()) yield { type: "warning", ...warning }
    yield checkpointOf(run, state, progress)
    await setImmediate()
  }
  const { norms: _, ...ended } = state
  return { ...ended, progress }
}
