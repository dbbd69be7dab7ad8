/**
 * One phase of a trial: so many steps under one searcher, each of which proposes, trains, measures and updates.
 *
 * At step t the searcher proposes assignments; the shared weights take one optimizer step under one of them; the
 * quality of every proposal is measured; the searcher updates its policy (FLIQS, arXiv 2308.03290, section 3). Left
 * out: which phases there are and what each ends with (`Loop.ts`), the graphs (`Steps.ts`), the policy (`search/`).
 */
import { setImmediate } from "node:timers/promises"
import type { Batches } from "../data/Batches.ts"
import { isInLastSteps } from "../search/policy/LastSamples.ts"
import type { Searcher } from "../search/Search.ts"
import { qualityOf } from "../search/Searches.ts"
import type { Choices } from "../space/Decision.ts"
import { widestChoices } from "../space/DecisionSpace.ts"
import { randomStream } from "../space/Random.ts"
import { beginWatch, divergence, watch, type WatchState } from "./Divergence.ts"
import * as Metrics from "../metric/Metrics.ts"
import { metricsEvery, policyEvery, Progress } from "./Progress.ts"
import { qualitiesOf } from "./Qualities.ts"
import { type Session, type SessionState, snapshotOf } from "./Session.ts"
import type { TrainEvent } from "./TrainEvent.ts"
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

/** Trains a phase to its end. Throws `NotFinite`. */
export async function* trainPhase(
  phase: Phase,
  from: PhaseState,
  prepared: Prepared,
  { arithmetic, steps, variables }: Session,
  data: Batches,
): AsyncGenerator<TrainEvent, PhaseState> {
  const { searcher, section } = phase
  const { reward, seed } = prepared.trial
  const { progress } = from
  let { best, frozenAt, search, switching } = from
  // before the step: a checkpoint after it holds sorted channels, one before it is sorted when it goes on
  const sortedAt = prepared.trial.train.sortChannels === "delayEnd" ? searcher.delayEnd : undefined
  let norms = steps.weightNorms()
  let weights = from.weights ?? beginWatch(norms)

  for (let step = from.step; step < phase.steps; step++) {
    if (step === sortedAt) steps.sortChannels()
    const done = step + 1
    const total = phase.before + done
    const drawn = phase.firstBatch + step
    const proposed = searcher.propose(search, step)
    const batch = await data.trainBatch(drawn)
    const rate = phase.learningRate(step, frozenAt)
    const random = dropoutSeed(seed, drawn)
    const mixed = searcher.relaxed?.(proposed.state, step)
    const relaxed = mixed && steps.trainRelaxed(batch, mixed, rate, random)
    const teacher = frozenAt === undefined ? teacherOf(phase, prepared, proposed.train) : undefined
    const measured =
      relaxed ??
      (teacher === undefined
        ? steps.train(batch, proposed.train, rate, random)
        : steps.distill(batch, proposed.train, teacher, rate, random))
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
    weights = watched
    norms = measured.weightNorms
    const qualities = searcher.needsQuality(proposed.state, step, proposed.proposals)
      ? await qualitiesOf(
          qualityOf(prepared.trial.search, reward),
          steps,
          proposed.proposals,
          searcher.trainsProposal === true ? measured : undefined,
          { train: () => batch, heldOut: () => data.heldOutBatch(step) },
        )
      : []
    const updated = searcher.update(proposed.state, step, {
      ...proposed,
      qualities,
      ...(relaxed === undefined ? {} : { slopes: relaxed.slopes }),
    })
    search = updated.state
    if (updated.metrics.frozen) frozenAt ??= step === 0 ? 0 : done
    const finite = qualities.filter(Number.isFinite)
    if (finite.length > 0) best = Math.max(best ?? -Infinity, ...finite)
    if (isInLastSteps(step, phase.steps) && updated.metrics.switching !== undefined)
      switching = {
        sum: switching.sum + updated.metrics.switching,
        count: switching.count + 1,
      }

    progress.add({
      ...Metrics.byKey(Metrics.phases[section], {
        loss: measured.loss,
        accuracy: measured.accuracy,
      }),
      ...(section === "train"
        ? Metrics.byKey(Metrics.search, {
            ...updated.metrics,
            relaxedBytes: relaxed?.copiedBytes,
          })
        : {}),
    })
    if (done % metricsEvery(phase.steps) === 0 || done === phase.steps)
      yield { type: "metrics", step: total, values: progress.take() }
    if (done % policyEvery(phase.steps) === 0 || done === 1 || done === phase.steps)
      progress.keepPolicy(done, searcher.probabilities(search))
    for (const alarm of searcher.alarms(search, step)) yield { type: "warning", ...alarm }
    for (const warning of data.warnings()) yield { type: "warning", ...warning }
    const broken = data.broken()
    const state = {
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
    yield {
      type: "checkpoint",
      step: total,
      snapshot: () => snapshotOf(total, variables, { ...state, progress: progress.state() }),
    }
    await setImmediate()
  }
  return { step: phase.steps, search, progress, best, switching, weights, frozenAt }
}
