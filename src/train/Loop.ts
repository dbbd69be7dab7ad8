/**
 * The one-shot loop (FLIQS, arXiv 2308.03290, section 3): propose, train, measure, reward, update; then finish the
 * network under its final assignment.
 *
 * At step t the searcher proposes assignments; the shared weights take one optimizer step under one of them; the
 * quality of every proposal is measured; the searcher updates its policy. Batches follow from (seed, t) alone, so
 * step, variables and the searcher's state are all a resumed trial needs. Left out: the graphs (`Steps.ts`), the
 * policy (`search/`), snapshots (`Session.ts`), the end (`Finish.ts`, `Outcome.ts`).
 */
import { setImmediate } from "node:timers/promises"
import { Schema } from "effect"
import { openBatches, type StreamedDataset } from "../data/Batches.ts"
import type { Dataset } from "../data/Dataset.ts"
import { qualityOf } from "../search/Searches.ts"
import { randomStream } from "../space/Random.ts"
import { toAssignment } from "../space/DecisionSpace.ts"
import { finish } from "./Finish.ts"
import { artifacts, divergence, finalCosts, layerOutcomes, searchMetrics } from "./Outcome.ts"
import { metricsEvery, policyEvery, Progress } from "./Progress.ts"
import { qualitiesOf } from "./Qualities.ts"
import { openSession, SessionState, snapshotOf } from "./Session.ts"
import type { TrainContext, TrainEvent } from "./TrainEvent.ts"
import { learningRateAt } from "./TrainSpec.ts"
import type { Prepared } from "./Trial.ts"

/** Thrown inside the loop when a loss is not finite. */
export class NotFinite extends Error {
  readonly step: number
  constructor(step: number, message: string) {
    super(message)
    this.step = step
  }
}

/** What dropout draws from at a step: it follows from (seed, step) alone. */
const dropoutSeed = (seed: number, step: number): readonly [number, number] => {
  const random = randomStream(seed, `dropout/${step}`)
  const word = () => random.integer(2 ** 32) | 0
  return [word(), word()]
}

/** Trains a prepared trial to its end, or on from `context.resume`. Throws `NotFinite`. */
export async function* loop(
  prepared: Prepared,
  dataset: Dataset | StreamedDataset,
  context: TrainContext,
): AsyncGenerator<TrainEvent> {
  const { trial, network, searcher } = prepared
  const { seed, train } = trial
  const data = openBatches(dataset, { ...trial.data, seed })
  for (const [split, digest] of Object.entries(data.splitDigests))
    yield { type: "dataset", name: dataset.name, digest, context: split }

  const session = openSession(prepared, dataset, context)
  const { steps, variables } = session
  try {
    const saved =
      context.resume === undefined
        ? undefined
        : Schema.decodeUnknownSync(SessionState)(context.resume.state)
    let search = saved === undefined ? searcher.init() : searcher.restore(saved.search)
    let best = saved?.best ?? null
    const progress = new Progress(saved?.progress)
    const quality = qualityOf(trial.search, trial.reward)

    for (let step = context.resume?.step ?? 0; step < train.steps; step++) {
      const done = step + 1
      const proposed = searcher.propose(search, step)
      const batch = await data.trainBatch(step)
      const rate = learningRateAt(train.learningRate, step, train.steps)
      const measured = steps.train(batch, proposed.train, rate, dropoutSeed(seed, step))
      if (!Number.isFinite(measured.loss))
        throw new NotFinite(done, divergence(prepared, proposed.train, done))
      const qualities = searcher.needsQuality(proposed.state, step)
        ? await qualitiesOf(
            quality,
            steps,
            proposed.proposals,
            { choices: proposed.train, measured },
            { train: () => batch, heldOut: () => data.heldOutBatch(step) },
          )
        : []
      const updated = searcher.update(proposed.state, step, { ...proposed, qualities })
      search = updated.state
      const finite = qualities.filter(Number.isFinite)
      if (finite.length > 0) best = Math.max(best ?? -Infinity, ...finite)

      progress.add({
        "train/loss": measured.loss,
        "train/accuracy": measured.accuracy,
        ...searchMetrics(updated.metrics),
      })
      if (done % metricsEvery(train.steps) === 0 || done === train.steps)
        yield { type: "metrics", step: done, values: progress.take() }
      if (done % policyEvery(train.steps) === 0 || done === 1 || done === train.steps)
        progress.keepPolicy(done, searcher.probabilities(search))
      for (const alarm of searcher.alarms(search, step)) yield { type: "warning", ...alarm }
      for (const warning of data.warnings()) yield { type: "warning", ...warning }
      yield {
        type: "checkpoint",
        step: done,
        snapshot: () => snapshotOf(done, variables, { search, progress: progress.state(), best }),
      }
      await setImmediate()
    }

    const choices = searcher.final(search)
    const { accuracy, amax } = await finish(
      session.supernet,
      steps,
      data,
      choices,
      trial.finish,
      train.steps,
      trial.data.batchSize,
    )
    for (const warning of data.warnings()) yield { type: "warning", ...warning }
    yield* artifacts(prepared, choices, progress, amax)
    yield {
      type: "finished",
      metrics: {
        "final/accuracy": accuracy,
        ...finalCosts(prepared, choices),
        "final/argmax_probability": searcher.argmaxProbability(search),
        ...(best === null ? {} : { "best/quality": best }),
      },
      assignment: toAssignment(network.space, choices),
      layers: layerOutcomes(prepared, choices),
    }
  } finally {
    session.dispose()
    await data.close()
  }
}
