/**
 * The one-shot loop (FLIQS, arXiv 2308.03290, section 3): propose, train, measure, reward, update; then finish the
 * network under its final assignment. A stream of events; no file, process or tracker is seen from here.
 *
 * At step t the searcher proposes assignments; the shared weights take one optimizer step under one of them; the
 * quality of every proposal is measured; the searcher updates its policy. Batches follow from (seed, t) alone, so
 * step, variables and the searcher's state are all a resumed trial needs. Left out: the graphs (`Steps.ts`), the
 * policy (`search/`), the end (`Finish.ts`).
 */
import { setImmediate } from "node:timers/promises"
import { Effect, Schema, Stream } from "effect"
import type { FormatSlot } from "../cost/LayerTable.ts"
import { Gbops } from "../cost/Gbops.ts"
import { Memory } from "../cost/Memory.ts"
import { compile } from "../cost/Cost.ts"
import { type Batch, makeBatches } from "../data/Batches.ts"
import type { Dataset, DataServices } from "../data/Dataset.ts"
import * as Datasets from "../data/Datasets.ts"
import { makeSupernet, type Supernet } from "../model/Supernet.ts"
import type { Quality } from "../reward/Reward.ts"
import type { SearchMetrics } from "../search/Search.ts"
import type { Choices } from "../space/Decision.ts"
import { randomStream } from "../space/Random.ts"
import { toAssignment } from "../space/DecisionSpace.ts"
import { valueOf } from "../space/Quantity.ts"
import { load, tf } from "../tensor/Backend.ts"
import type { Variable } from "../tensor/Backend.ts"
import type { BackendError } from "../tensor/Errors.ts"
import { DatasetUnusable, Diverged, InvalidTrial, OutOfMemory, TrialError } from "./Errors.ts"
import { finish } from "./Finish.ts"
import { metricsEvery, policyEvery, Progress, ProgressState } from "./Progress.ts"
import { makeSteps, type Measured, type Steps } from "./Steps.ts"
import { prepare, type Prepared, Trial } from "./Trial.ts"
import type {
  LayerOutcome,
  ResolvedTrial,
  Snapshot,
  TrainContext,
  TrainEvent,
} from "./TrainEvent.ts"
import { learningRateAt } from "./TrainSpec.ts"

/** Trains one trial. Needs the native backend, which it loads with `context.threads`. */
export const run = (
  trial: ResolvedTrial,
  context: TrainContext,
): Stream.Stream<TrainEvent, TrialError | BackendError, DataServices> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const declaration = yield* Schema.decodeUnknownEffect(Trial)(trial.declaration).pipe(
        Effect.mapError((error) => failed(trial, 0, new InvalidTrial({ message: error.message }))),
      )
      const prepared = prepare(declaration)
      if ("problem" in prepared)
        return yield* failed(trial, 0, new InvalidTrial({ message: prepared.problem }))
      yield* load({ threads: context.threads })
      const dataset = yield* Datasets.load(declaration.data, context.cacheDirectory).pipe(
        Effect.mapError((error) =>
          failed(
            trial,
            0,
            new DatasetUnusable({ message: error.message, retryable: error.isRetryable }),
          ),
        ),
      )
      return Stream.fromAsyncIterable(loop(prepared, dataset, context), (cause) => cause).pipe(
        Stream.catch((cause) => Stream.fromEffect(raise(trial, cause))),
      )
    }),
  )

const failed = (trial: ResolvedTrial, step: number, reason: TrialError["reason"]): TrialError =>
  new TrialError({ trialId: trial.id, step, reason })

/** Thrown inside the loop when a loss is not finite. */
class NotFinite extends Error {
  readonly step: number
  constructor(step: number, message: string) {
    super(message)
    this.step = step
  }
}

const outOfMemory = /out of memory|OOM when allocating|Array buffer allocation failed/i

/** What stopped the loop, as an error of the trial; anything unforeseen is a defect. */
const raise = (trial: ResolvedTrial, cause: unknown): Effect.Effect<never, TrialError> => {
  if (cause instanceof NotFinite)
    return Effect.fail(failed(trial, cause.step, new Diverged({ message: cause.message })))
  const message = cause instanceof Error ? cause.message : String(cause)
  return outOfMemory.test(message)
    ? Effect.fail(failed(trial, 0, new OutOfMemory({ message })))
    : Effect.die(cause)
}

/** What goes into a checkpoint beside the variables. */
const SessionState = Schema.Struct({
  search: Schema.Unknown,
  progress: ProgressState,
  /** Best quality so far; null before the first was measured. */
  best: Schema.NullOr(Schema.Finite),
})

/** Name -> variable, of everything a step changes. */
const stateVariables = (supernet: Supernet, steps: Steps): ReadonlyMap<string, Variable> =>
  new Map([
    ...supernet.variables.map(({ name, variable }) => [name, variable] as const),
    ...steps.optimizerState.map((variable, i) => [`optimizer.${i}`, variable] as const),
  ])

const snapshotOf = (
  step: number,
  variables: ReadonlyMap<string, Variable>,
  state: unknown,
): Snapshot => ({
  step,
  tensors: Object.fromEntries(
    [...variables].map(([name, variable]) => [
      name,
      { shape: variable.shape, values: (variable.dataSync() as Float32Array).slice() },
    ]),
  ),
  state,
})

const restore = (snapshot: Snapshot, variables: ReadonlyMap<string, Variable>): void => {
  for (const [name, variable] of variables) {
    const saved = snapshot.tensors[name]
    if (saved === undefined || saved.values.length !== variable.size)
      throw new Error(`the checkpoint has no ${name} of shape [${variable.shape.join(", ")}]`)
    tf.tidy(() => variable.assign(tf.tensor(saved.values, [...saved.shape]) as Variable))
  }
}

/**
 * The quality of every proposal, on the batch and by the measure that the reward names. Equal proposals, which are most
 * once the policy commits, are measured once.
 */
const qualitiesOf = (
  quality: Quality,
  steps: Steps,
  proposals: ReadonlyArray<Choices>,
  trained: { readonly choices: Choices; readonly measured: Measured },
  batches: { readonly train: () => Batch; readonly heldOut: () => Batch },
): Array<number> => {
  const heldOut = quality === "heldOutAccuracy" || quality === "heldOutLoss"
  const value = ({ accuracy, loss }: Measured): number =>
    quality === "heldOutAccuracy" || quality === "trainAccuracy" ? accuracy : -loss
  const batch = heldOut ? batches.heldOut() : batches.train()
  const known = new Map<string, Measured>()
  // the training pass has already measured the assignment it trained under
  if (!heldOut) known.set(trained.choices.join(), trained.measured)
  return proposals.map((choices) => {
    const key = choices.join()
    const measured = known.get(key) ?? steps.measure(batch, choices)
    known.set(key, measured)
    return value(measured)
  })
}

/** Under the names of the tracker; those that are NaN (nothing measured, nothing decided) are left out later. */
const searchMetrics = (metrics: SearchMetrics): Readonly<Record<string, number>> => ({
  "search/reward": metrics.reward,
  "search/quality": metrics.quality,
  "search/cost": metrics.cost,
  "search/expected_cost": metrics.expectedCost,
  "search/baseline": metrics.baseline,
  "search/advantage": metrics.advantage,
  "search/entropy": metrics.entropy,
  "search/commitment": metrics.commitment,
  "search/switching": metrics.switching,
  "search/argmax_probability": metrics.argmaxProbability,
})

/** Why training may have diverged: the narrowest format that was active. */
const divergence = ({ network }: Prepared, choices: Choices, step: number): string => {
  const active = network.table.layers
    .filter((layer) => valueOf(layer.active, choices) === 1)
    .flatMap((layer) =>
      [layer.weightFormat, layer.activationFormat].map((slot) => ({
        path: layer.path,
        format: slot.formats[slot.decision === null ? 0 : choices[slot.decision]!]!,
      })),
    )
  const narrowest = active.reduce((a, b) => (b.format.bits < a.format.bits ? b : a))
  return (
    `the loss is not finite at step ${step}; the narrowest format then was ${narrowest.format.name} at ` +
    `${narrowest.path}: offer wider formats, or lower train.learningRate.peak`
  )
}

const layerOutcomes = ({ network, cost }: Prepared, choices: Choices): Array<LayerOutcome> => {
  const total = cost.of(choices)
  return network.table.layers.flatMap((layer, i) => {
    if (valueOf(layer.active, choices) === 0) return []
    const format = (slot: FormatSlot) =>
      slot.formats[slot.decision === null ? 0 : choices[slot.decision]!]!.name
    return [
      {
        path: layer.path,
        weightFormat: format(layer.weightFormat),
        activationFormat: format(layer.activationFormat),
        macs: valueOf(layer.macs, choices),
        costShare: valueOf(cost.terms[i]!, choices) / total,
      },
    ]
  })
}

/** What dropout draws from at a step: it follows from (seed, step) alone. */
const dropoutSeed = (seed: number, step: number): readonly [number, number] => {
  const random = randomStream(seed, `dropout/${step}`)
  const word = () => random.integer(2 ** 32) | 0
  return [word(), word()]
}

async function* loop(
  prepared: Prepared,
  dataset: Dataset,
  context: TrainContext,
): AsyncGenerator<TrainEvent> {
  const { trial, network, cost, target, searcher } = prepared
  const { seed, train } = trial
  const data = makeBatches(dataset, { ...trial.data, seed })
  for (const [split, digest] of Object.entries(data.splitDigests))
    yield { type: "dataset", name: dataset.name, digest, context: split }

  const supernet = makeSupernet(network, seed)
  const steps = makeSteps(supernet, dataset, trial.data.batchSize, train, context.eager)
  const variables = stateVariables(supernet, steps)
  try {
    const saved =
      context.resume === undefined
        ? undefined
        : Schema.decodeUnknownSync(SessionState)(context.resume.state)
    if (context.resume !== undefined) restore(context.resume, variables)
    let search = saved === undefined ? searcher.init() : searcher.restore(saved.search)
    let best = saved?.best ?? null
    const progress = new Progress(saved?.progress)
    const quality = trial.reward?.quality ?? "heldOutAccuracy"

    for (let step = context.resume?.step ?? 0; step < train.steps; step++) {
      const done = step + 1
      const proposed = searcher.propose(search, step)
      const batch = data.trainBatch(step)
      const rate = learningRateAt(train.learningRate, step, train.steps)
      const measured = steps.train(batch, proposed.train, rate, dropoutSeed(seed, step))
      if (!Number.isFinite(measured.loss))
        throw new NotFinite(done, divergence(prepared, proposed.train, done))
      const qualities = searcher.needsQuality(proposed.state, step)
        ? qualitiesOf(
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
      yield {
        type: "checkpoint",
        step: done,
        snapshot: () => snapshotOf(done, variables, { search, progress: progress.state(), best }),
      }
      await setImmediate()
    }

    const choices = searcher.final(search)
    const { accuracy, amax } = finish(
      supernet,
      steps,
      data,
      choices,
      trial.finish,
      train.steps,
      trial.data.batchSize,
    )
    yield* artifacts(prepared, choices, progress, amax)
    const of = (model: typeof Gbops | typeof Memory) =>
      compile(network.table, model, network.space).of(choices)
    yield {
      type: "finished",
      metrics: {
        "final/accuracy": accuracy,
        "final/cost": cost.of(choices),
        "final/cost_over_target": cost.of(choices) / target,
        "final/gbops": of(Gbops),
        "final/memory_bytes": of(Memory),
        "final/argmax_probability": searcher.argmaxProbability(search),
        ...(best === null ? {} : { "best/quality": best }),
      },
      assignment: toAssignment(network.space, choices),
      layers: layerOutcomes(prepared, choices),
    }
  } finally {
    steps.dispose()
    supernet.dispose()
  }
}

/** The policy over time and the frozen activation scales, as files beside the assignment. */
function* artifacts(
  { network }: Prepared,
  choices: Choices,
  progress: Progress,
  amax: Float32Array,
): Generator<TrainEvent> {
  const { decisions } = network.space
  const policy = {
    decisions: decisions.map(({ path, tag, options }) => ({ path, tag, options })),
    history: progress.policyRows,
  }
  yield { type: "artifact", path: "policy.json", content: `${JSON.stringify(policy)}\n` }
  const scales = Object.fromEntries(
    network.table.layers
      .map((layer, i) => [layer, amax[2 * i + 1]!] as const)
      .filter(([layer]) => valueOf(layer.active, choices) === 1)
      .map(([layer, largest]) => [layer.path, largest]),
  )
  yield {
    type: "artifact",
    path: "activation-scales.json",
    content: `${JSON.stringify(scales, null, 2)}\n`,
  }
}
