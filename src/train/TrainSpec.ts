/** The `train` and `finish` blocks of an experiment: every knob, its unit, its default and why. */
import { Schema } from "effect"
import { field, optional, withDefault } from "../declaration/Field.ts"
import { oneOfKinds } from "../declaration/OneOfKinds.ts"
import { otherNames, withOtherNames } from "../declaration/OtherNames.ts"

const fraction = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
const notNegative = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))
const positive = Schema.Finite.check(Schema.isGreaterThan(0))
const count = (minimum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum: 100_000_000 }))

const momentum = withDefault(fraction, 0.9, "Share of the last update that is kept, 0 to 1.")
const decayText = "added to the gradient of weights (not of norms and biases), 0 or more."

const Sgd = Schema.Struct({
  kind: Schema.Literal("sgd"),
  momentum,
  weightDecay: withDefault(
    notNegative,
    5e-4,
    `Weight decay: this times the weight is ${decayText}`,
  ),
}).annotate({ identifier: "Sgd", description: "Stochastic gradient descent with momentum." })
const Adam = Schema.Struct({
  kind: Schema.Literal("adam"),
  beta1: withDefault(fraction, 0.9, "Decay of the running mean of gradients, 0 to 1."),
  beta2: withDefault(fraction, 0.999, "Decay of the running mean of squared gradients, 0 to 1."),
  epsilon: withDefault(positive, 1e-8, "Added to the root of the mean square, above 0."),
  weightDecay: withDefault(
    notNegative,
    0,
    "Weight decay, decoupled (AdamW): this times the learning rate times the weight is taken off weights (not off norms and biases), 0 or more.",
  ),
}).annotate({ identifier: "Adam", description: "Adam, with decoupled weight decay." })
const RmsProp = Schema.Struct({
  kind: Schema.Literal("rmsprop"),
  momentum,
  decay: withDefault(fraction, 0.9, "Decay of the running mean of squared gradients, 0 to 1."),
  epsilon: withDefault(positive, 1, "Added to the mean square before its root is taken, above 0."),
  weightDecay: withDefault(
    notNegative,
    4e-5,
    `Weight decay: this times the weight is ${decayText}`,
  ),
}).annotate({ identifier: "RmsProp", description: "RMSProp with momentum." })
const optimizers = oneOfKinds(
  "Optimizer",
  [
    { kind: "sgd", spec: Sgd },
    { kind: "adam", spec: Adam },
    { kind: "rmsprop", spec: RmsProp },
  ],
  "sgd",
  otherNames({
    what: "optimizer",
    same: { sgd: "momentum sgdm gradientDescent gd", rmsprop: "rmsPropOptimizer rms" },
    near: {
      sgd: "nesterov nag asgd lars",
      adam: "nadam radam adamax adabelief lamb adafactor lion sophia",
      rmsprop: "adagrad adadelta",
    },
    say: { "it is adam here, whose weightDecay is decoupled": "adamw" },
  }),
)
export const Optimizer = optimizers.schema
export type Optimizer = typeof Optimizer.Type

const Restart = Schema.Struct({
  factor: withDefault(
    positive,
    0.5,
    "Learning rate it starts again at, over the first peak; above 0.",
  ),
  at: withDefault(
    Schema.Union([
      Schema.Literal("frozen"),
      Schema.Finite.check(
        Schema.isBetween({
          minimum: 0,
          maximum: 1,
          exclusiveMinimum: true,
          exclusiveMaximum: true,
        }),
      ),
    ]),
    "frozen",
    "When it starts again: once the search is frozen, or after a share of the steps, above 0 and below 1.",
    ["frozen", 0.7],
  ),
}).annotate({
  identifier: "Restart",
  description: "A second schedule: half a cosine to 0 over the steps that are left.",
})

/** Every schedule climbs linearly from 0 to its peak over the warm-up steps. */
const rate = {
  peak: withDefault(positive, 0.1, "The largest learning rate, above 0."),
  warmupSteps: withDefault(
    count(0),
    0,
    "Steps in which the learning rate rises linearly from 0 to its peak; fewer than train.steps.",
  ),
  restart: optional(
    Schema.Union([Restart, Schema.Literal("none")]),
    "A second schedule for the steps that train the final assignment. Default: { factor: 1, at: frozen } of a search that decides early (search.decideBy), else none.",
    { examples: [{ factor: 0.5, at: "frozen" }, "none"] },
  ),
}
/** arXiv 1608.03983; with `restart`, restarted once. */
const Cosine = Schema.Struct({ kind: Schema.Literal("cosine"), ...rate }).annotate({
  identifier: "Cosine",
  description: "Half a cosine from the peak to 0 at the last step.",
})
const Constant = Schema.Struct({ kind: Schema.Literal("constant"), ...rate }).annotate({
  identifier: "Constant",
  description: "The peak at every step.",
})
const Step = Schema.Struct({
  kind: Schema.Literal("step"),
  ...rate,
  milestones: withDefault(
    Schema.Array(fraction),
    [0.5, 0.75],
    "Shares of the steps, 0 to 1, after each of which the learning rate is multiplied by `factor`.",
    [[0.5, 0.75]],
  ),
  factor: withDefault(fraction, 0.1, "Factor on the learning rate at each milestone, 0 to 1."),
}).annotate({ identifier: "Step", description: "The peak, times `factor` at each milestone." })
const schedules = oneOfKinds(
  "LearningRate",
  [
    { kind: "cosine", spec: Cosine },
    { kind: "constant", spec: Constant },
    { kind: "step", spec: Step },
  ],
  "cosine",
  otherNames({
    what: "schedule",
    same: {
      cosine: "cos cosineAnnealing cosineAnnealingLR cosineDecay cosineSchedule",
      step: "multistep multiStepLR stepLR stepDecay steps piecewise piecewiseConstant",
      constant: "const fixed none flat",
    },
    near: {
      cosine: "linear linearDecay polynomial poly oneCycle cyclic cosineAnnealingWarmRestarts sgdr",
      step: "exponential exp exponentialDecay exponentialLR plateau reduceOnPlateau reduceLROnPlateau",
    },
    say: { "it is a key of every kind: warmupSteps": "warmup linearWarmup" },
  }),
)
export const LearningRate = schedules.schema
export type LearningRate = typeof LearningRate.Type

/** Patterns of variables that start fresh. */
export const Skip = Schema.Array(
  Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(300)),
).annotate({
  description:
    "Patterns of variables that start fresh, such as classifier.**; tensors of such names are ignored. Default: none.",
  examples: [["classifier.**"]],
})

/** The initial weights of a resolved trial: known by what they are, not by where they were. */
const InitialSpec = Schema.Struct({
  digest: field(Schema.String, "Digest of the names, shapes and values that are used."),
  skip: Schema.optionalKey(Skip),
})
export type InitialSpec = typeof InitialSpec.Type

export const TrainSpec = Schema.Struct({
  steps: field(count(1), "Training steps of one batch each."),
  optimizer: withDefault(Optimizer, { kind: "sgd" }, "What updates the weights."),
  learningRate: withDefault(
    LearningRate,
    { kind: "cosine" },
    "How the learning rate of the weights goes over the steps.",
  ),
  labelSmoothing: withDefault(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 0.9 })),
    0,
    "Share of the target probability that is spread evenly over all classes, 0 to 0.9.",
  ),
  distill: optional(
    Schema.Literal("widest"),
    "widest: until the search is frozen, a step under a narrower network also trains the largest one, on the labels, and the narrower one learns what that says of the images. Default: none, every step trains one network, on the labels.",
  ),
  sortChannels: optional(
    Schema.Literal("delayEnd"),
    "delayEnd: when the delay of the search is over, the channels of the largest network are put in the order of their importance, so that narrower ones get the best. Default: none, they stay where they are.",
  ),
  initial: optional(InitialSpec, "Trained weights to start from. Default: drawn from the seed."),
}).annotate({ identifier: "Train" })
export type TrainSpec = typeof TrainSpec.Type

export const FinishSpec = Schema.Struct({
  recalibrate: withDefault(
    count(1),
    50,
    "Training batches from which batch norms and activation scales are estimated anew under the final assignment.",
  ),
  evaluate: withDefault(
    withOtherNames(
      Schema.Literals(["test", "heldOut"]),
      otherNames({ what: "split", same: { heldOut: "val valid validation dev" } }),
    ),
    "test",
    "Images that final/accuracy is measured on: the test split, or those held out of training.",
  ),
  fineTune: optional(
    count(1),
    "Steps to train on under the final assignment, with the weights of the search; the learning rate falls from a tenth of its peak to 0. Default: none.",
    { examples: [1000] },
  ),
  retrain: optional(
    Schema.Union([
      Schema.Boolean,
      Schema.Struct({
        steps: field(count(1), "Steps of the training from scratch.", { examples: [2000] }),
      }).annotate({ identifier: "Retrain" }),
    ]),
    "Whether the final assignment is trained once more from scratch, from the same seed: for the steps of the search, or for others.",
    { default: false, examples: [true, { steps: 2000 }] },
  ),
}).annotate({
  identifier: "Finish",
  description: "What follows after the last step of the search.",
})
export type FinishSpec = typeof FinishSpec.Type

/** Half a cosine from `peak` at step 0 towards 0 at `steps`. */
const halfCosine = (peak: number, step: number, steps: number): number =>
  (peak * (1 + Math.cos((Math.PI * step) / Math.max(1, steps)))) / 2

/** The step and the rate of the second schedule's start; undefined: none, or not known yet. */
const restartOf = (
  { peak, restart }: LearningRate,
  steps: number,
  frozenAt: number | undefined,
): { readonly start: number; readonly rate: number } | undefined => {
  if (restart === undefined || restart === "none") return undefined
  const rate = peak * restart.factor
  if (restart.at !== "frozen") return { start: Math.round(restart.at * steps), rate }
  return frozenAt === undefined || frozenAt === 0 ? undefined : { start: frozenAt, rate }
}

/** The second schedule of a search that decides early, where the file gives none. */
const usualRestart = { factor: 1, at: "frozen" } as const

/** Whether there is a second schedule, which begins when the search is frozen. */
export const restartsAtFreeze = ({ restart }: LearningRate): boolean =>
  restart !== undefined && restart !== "none" && restart.at === "frozen"

export const withoutRestart = (learningRate: LearningRate): LearningRate => {
  const { restart: _, ...rest } = learningRate
  return rest
}

/** The learning rate with its second schedule written out: the usual one where the search decides early, else none. */
export const withRestart = (learningRate: LearningRate, decidesEarly: boolean): LearningRate => {
  const { restart = decidesEarly ? usualRestart : "none" } = learningRate
  return restart === "none" ? withoutRestart(learningRate) : { ...learningRate, restart }
}

/** The learning rate without a second schedule that never begins, for what is frozen from the first step. */
export const withoutFreeze = (learningRate: LearningRate): LearningRate =>
  restartsAtFreeze(learningRate) ? withoutRestart(learningRate) : learningRate

/**
 * The learning rate of a step, counted from 0.
 *
 * @param frozenAt the first step that trains under a frozen search: 0 where nothing is searched, undefined while it is
 *   searching
 */
export const learningRateAt = (
  spec: LearningRate,
  step: number,
  steps: number,
  frozenAt?: number,
): number => {
  const restarted = restartOf(spec, steps, frozenAt)
  if (restarted !== undefined && step >= restarted.start)
    return halfCosine(restarted.rate, step - restarted.start, steps - restarted.start)
  if (step < spec.warmupSteps) return (spec.peak * (step + 1)) / spec.warmupSteps
  if (spec.kind === "constant") return spec.peak
  const share = step / steps
  if (spec.kind === "step")
    return spec.peak * spec.factor ** spec.milestones.filter((m) => share >= m).length
  const after = (step - spec.warmupSteps) / Math.max(1, steps - spec.warmupSteps)
  return (spec.peak * (1 + Math.cos(Math.PI * after))) / 2
}

/** The learning rate of a fine-tuning step: half a cosine from a tenth of the search's peak to 0. */
export const fineTuneRateAt = ({ peak }: LearningRate, step: number, steps: number): number =>
  learningRateAt({ kind: "cosine", peak: peak / 10, warmupSteps: 0 }, step, steps)

/** Steps of the training from scratch after the search; undefined: there is none. */
export const retrainSteps = ({
  finish: { retrain = false },
  train,
}: {
  readonly finish: FinishSpec
  readonly train: Pick<TrainSpec, "steps">
}): number | undefined => {
  if (retrain === false) return undefined
  return retrain === true ? train.steps : retrain.steps
}

/** Steps of all phases of a trial together. */
export const totalSteps = ({
  finish,
  train,
}: {
  readonly finish: FinishSpec
  readonly train: Pick<TrainSpec, "steps">
}): number => train.steps + (finish.fineTune ?? 0) + (retrainSteps({ finish, train }) ?? 0)
