/** The `train` and `finish` blocks of an experiment: every knob, its unit, its default and why. */
import { Schema } from "effect"
import { withDefault } from "../declaration/Field.ts"
import { oneOfKinds } from "../declaration/OneOfKinds.ts"
import { otherNames, withOtherNames } from "../declaration/OtherNames.ts"

const fraction = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
const notNegative = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))
const positive = Schema.Finite.check(Schema.isGreaterThan(0))
const count = (minimum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum: 100_000_000 }))

const Sgd = Schema.Struct({
  kind: Schema.Literal("sgd"),
  momentum: withDefault(fraction, 0.9),
  /** Added to the gradient of weights (not of norms and biases), times the weight. */
  weightDecay: withDefault(notNegative, 5e-4),
})
const Adam = Schema.Struct({
  kind: Schema.Literal("adam"),
  beta1: withDefault(fraction, 0.9),
  beta2: withDefault(fraction, 0.999),
  epsilon: withDefault(positive, 1e-8),
  weightDecay: withDefault(notNegative, 0),
})
const RmsProp = Schema.Struct({
  kind: Schema.Literal("rmsprop"),
  momentum: withDefault(fraction, 0.9),
  decay: withDefault(fraction, 0.9),
  epsilon: withDefault(positive, 1),
  weightDecay: withDefault(notNegative, 4e-5),
})
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

/** Every schedule climbs linearly from 0 to its peak over the warm-up steps. */
const rate = { peak: withDefault(positive, 0.1), warmupSteps: withDefault(count(0), 0) }
/** Half a cosine from the peak to 0 at the last step (arXiv 1608.03983, without restarts). */
const Cosine = Schema.Struct({ kind: Schema.Literal("cosine"), ...rate })
const Constant = Schema.Struct({ kind: Schema.Literal("constant"), ...rate })
/** Times `factor` at each milestone, given as shares of the steps. */
const Step = Schema.Struct({
  kind: Schema.Literal("step"),
  ...rate,
  milestones: withDefault(Schema.Array(fraction), [0.5, 0.75]),
  factor: withDefault(fraction, 0.1),
})
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
    "Patterns of variables that start fresh, such as classifier.**; tensors of such names are ignored.",
})

/** The initial weights of a resolved trial: known by what they are, not by where they were. */
const InitialSpec = Schema.Struct({
  /** Of the names, shapes and values that are used (`Weights.digest`). */
  digest: Schema.String,
  skip: Schema.optionalKey(Skip),
})
export type InitialSpec = typeof InitialSpec.Type

export const TrainSpec = Schema.Struct({
  /** Steps of one batch each. */
  steps: count(1),
  optimizer: withDefault(Optimizer, { kind: "sgd" }),
  learningRate: withDefault(LearningRate, { kind: "cosine" }),
  labelSmoothing: withDefault(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 0.9 })),
    0,
  ),
  /** Trained weights to start from; absent: drawn from the seed. */
  initial: Schema.optionalKey(InitialSpec),
}).annotate({ identifier: "Train" })
export type TrainSpec = typeof TrainSpec.Type

export const FinishSpec = Schema.Struct({
  /** Batches of training data from which norms and activation scales are re-estimated under the final assignment. */
  recalibrate: withDefault(count(1), 50),
  evaluate: withDefault(
    withOtherNames(
      Schema.Literals(["test", "heldOut"]),
      otherNames({ what: "split", same: { heldOut: "val valid validation dev" } }),
    ),
    "test",
  ),
  /** More steps under the final assignment after the search, with the weights it ended with. */
  fineTune: Schema.optionalKey(count(1)),
  /** Trains the final assignment from scratch, for the same steps and seed: the retrain gap. */
  retrain: Schema.optionalKey(Schema.Boolean),
}).annotate({ identifier: "Finish" })
export type FinishSpec = typeof FinishSpec.Type

/** The learning rate of a step, counted from 0. */
export const learningRateAt = (spec: LearningRate, step: number, steps: number): number => {
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

/** Steps of all phases of a trial together. */
export const totalSteps = ({
  finish,
  train,
}: {
  readonly finish: FinishSpec
  readonly train: Pick<TrainSpec, "steps">
}): number => train.steps + (finish.fineTune ?? 0) + (finish.retrain === true ? train.steps : 0)
