/**
 * The schema of an experiment file: how to search a space, on what data, at what cost, logged where.
 *
 * In here: the blocks together, and the rules between them. Left out: the blocks themselves (each is in the folder that
 * gives it meaning), the expansion of matrices, and ids (`Plan.ts`).
 */
import { Schema } from "effect"
import * as Datasets from "../data/Datasets.ts"
import type { Problem } from "../declaration/Errors.ts"
import {
  Description,
  distinct,
  field,
  FilePath,
  optional,
  SchemaPath,
  withDefault,
} from "../declaration/Field.ts"
import { otherNames, withOtherKeys } from "../declaration/OtherNames.ts"
import {
  isSearching,
  measures,
  normsOf,
  qualityOf,
  searchProblems,
  wideStepsOf,
} from "../search/Searches.ts"
import { trackers } from "../track/Trackers.ts"
import { trialFields } from "../train/Trial.ts"
import { retrainSteps, Skip, TrainSpec } from "../train/TrainSpec.ts"
import { resourceProblems, Resources, Time } from "./Resources.ts"

/** A name that is valid both as a file name and in a tracker, without replacing characters. */
const ExperimentName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$/u, {
    expected: "up to 100 letters, digits, spaces, dots, _ or -, a letter or digit first",
  }),
).annotate({ identifier: "ExperimentName" })

const Initial = Schema.Union([
  Schema.Struct({
    trial: Schema.String.check(
      Schema.isPattern(/^[0-9a-f]{16}$/, { expected: "the id of a trial, 16 hex digits" }),
    ).annotate({
      description: "Id of a finished trial of the state folder.",
      examples: ["7f3a9c0de1b24586"],
    }),
    skip: Schema.optionalKey(Skip),
  }),
  Schema.Struct({
    safetensors: field(FilePath, "Safetensors file, as a path from this file's folder.", {
      examples: ["../resnet.safetensors"],
    }),
    skip: Schema.optionalKey(Skip),
  }),
]).annotate({
  identifier: "Initial",
  description: "Trained weights to start from, in place of fresh ones.",
})
/** Where initial weights come from. */
export type InitialSource = typeof Initial.Type

const Train = withOtherKeys(
  Schema.Struct({
    ...TrainSpec.fields,
    steps: withDefault(
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000_000 })).annotate({
        description: "Training steps of one batch each; the search takes place within them.",
      }),
      2000,
    ),
    checkpointEvery: withDefault(
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000_000 })).annotate({
        description:
          "Steps between two checkpoints, from which a stopped trial goes on; not part of its id.",
      }),
      200,
    ),
    initial: optional(
      Initial,
      "Trained weights to start from: of a finished trial, or of a safetensors file. Default: weights drawn from the seed.",
      { examples: [{ trial: "7f3a9c0de1b24586" }, { safetensors: "../resnet.safetensors" }] },
    ),
  }).annotate({ identifier: "Train" }),
  otherNames({
    what: "key",
    say: {
      "there are no epochs; steps counts batches of data.batchSize images":
        "epochs epoch numEpochs maxEpochs",
      "it is learningRate: { peak: 0.1 } here": "lr learning_rate rate lrate stepSize",
      "it is learningRate: { kind: cosine } here": "scheduler schedule lrScheduler lrSchedule",
      "it is data.batchSize here": "batchSize batch bs",
      "it is optimizer.weightDecay here": "weightDecay wd l2",
      "it is optimizer.momentum here": "momentum",
      "it is learningRate.warmupSteps here": "warmup warmupSteps warmupEpochs",
      "it is initial: { safetensors: FILE } or { trial: ID } here":
        "pretrained checkpoint weights init initFrom resume",
    },
  }),
)

export const Track = trackers.schema.annotate({
  description: "Where parameters, metrics and artifacts go.",
})
export type Track = typeof Track.Type

const Cell = Schema.Record(Schema.String, Schema.Json)

export const Control = Schema.Literals(["uniform", "wideThenUniform", "random"])
export type Control = typeof Control.Type

const controlNames = {
  uniform: "uniform",
  wideThenUniform: "wide then uniform",
  // The search itself may be random too.
  random: "random control",
} as const satisfies Record<Control, string>

/** The name of a control in tables beside searches. */
export const controlName = (control: Control): string => controlNames[control]

const File = Schema.Struct({
  $schema: SchemaPath,
  name: Schema.optionalKey(
    ExperimentName.annotate({
      description:
        "Name of the experiment, in MLflow and on the terminal: up to 100 letters, digits, spaces, dots, _ or -. Default: the file's name without its ending.",
      examples: ["resnet8 mixed"],
    }),
  ),
  description: Description,
  space: field(FilePath, "Space file, as a path from this file's folder.", {
    examples: ["../spaces/resnet8.yaml"],
  }),
  ...trialFields,
  train: withDefault(Train, {}, "How the weights train: steps, optimizer, learning rate."),
  matrix: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.Array(Schema.Json).check(Schema.isMinLength(1))).annotate({
      description:
        "Lists of values by path into this file, or space.<path> into the space; a trial for each combination. Default: one trial.",
      examples: [{ "reward.cost.target.times": [1, 1.5], seed: [1, 2, 3] }],
    }),
  ),
  exclude: Schema.optionalKey(
    Schema.Array(Cell)
      .check(Schema.isMaxLength(100))
      .annotate({
        description:
          "Combinations of the matrix to leave out: those that agree with all of an entry. Default: none.",
        examples: [[{ "reward.cost.target.times": 1.5, seed: 2 }]],
      }),
  ),
  include: Schema.optionalKey(
    Schema.Array(Cell)
      .check(Schema.isMaxLength(100))
      .annotate({
        description:
          "Values to add to combinations of the matrix, or whole combinations to add. Default: none.",
        examples: [[{ seed: 1, "train.steps": 4000 }]],
      }),
  ),
  controls: withDefault(
    Schema.Array(Control)
      .check(distinct)
      .annotate({
        description:
          "Trials to compare with: the same steps spent without the search, under one format (uniform: within 2 % of the target, else the nearest below and above), under the widest formats for 60 % of them and then one (wideThenUniform), or under one random assignment at the target (random).",
        examples: [["uniform"]],
      }),
    [],
  ),
  track: withDefault(Track, { kind: "mlflow" }),
  threads: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1024 })).annotate({
      description:
        "Threads of one trial, 1 to 1024. Default: the processors, shared among the trials at work.",
      examples: [2],
    }),
  ),
  resources: optional(
    Resources,
    "What one trial needs of the machine that runs it; not part of its id. Default: nothing is asked for.",
    { examples: [{ cpus: 4, memory: "4 GB", time: "2 h" }] },
  ),
  timeout: optional(
    Time,
    "How long one trial may train in all, such as 12 h, before it fails with a checkpoint; not part of its id. Default: as long as it takes.",
    { examples: ["12 h"] },
  ),
}).annotate({
  identifier: "Experiment",
  description: "A fliqs experiment: how to search a space, on what data, at what cost.",
})

export const Experiment = withOtherKeys(
  File,
  otherNames({
    what: "key",
    say: {
      "it is train.steps here": "steps iterations maxSteps",
      "there are no epochs; train.steps counts batches of data.batchSize images": "epochs epoch",
      "it is data here": "dataset datasets",
      "it is space here, the path of a space file": "model network architecture searchSpace",
      "it is train.optimizer here": "optimizer optim",
      "it is train.learningRate: { peak: 0.1 } here": "lr learningRate",
      "it is matrix here": "grid sweep variants parameters",
      "a list of seeds is matrix: { seed: [1, 2, 3] }": "seeds repeats",
      "it is reward: { cost: { target: ... } } here": "target cost budget constraint objective",
      "it is resources here": "resource slurm sbatch cluster requirements",
      "it is resources: { time: ... } here for a job, timeout for a trial":
        "time walltime timeLimit",
      "it is timeout here": "maxTime deadline timeOut",
      "it is track here": "tracking tracker logging logger mlflow",
    },
  }),
)
export type Experiment = typeof Experiment.Type

const { description, exclude, include, matrix, name, track } = Experiment.fields

/** The settings that all cells of an experiment share. */
export const Grid = Schema.Struct({ description, exclude, include, matrix, name, track })
export type Grid = typeof Grid.Type

/**
 * The rules between the blocks of one cell, which the schema cannot express.
 *
 * @param folder the folder of the experiment file
 */
export const experimentProblems = (
  experiment: Experiment,
  folder: string,
): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  const { train, search, reward } = experiment
  problems.push(...searchProblems(search, reward, train.steps))
  if (reward === undefined && isSearching(search.kind))
    problems.push({
      path: ["reward"],
      message:
        "the key reward is missing, and a search needs a target; add reward: { cost: { target: { times: 1, uniform: INT4 } } }",
    })
  const [control] = experiment.controls
  if (reward === undefined && control !== undefined)
    problems.push({
      path: ["controls"],
      message: `a ${control} control needs a target; add reward: { cost: { target: ... } }`,
    })
  const retrained = retrainSteps(experiment)
  const shortest = Math.min(train.steps, retrained ?? train.steps)
  if (train.learningRate.warmupSteps >= shortest)
    problems.push({
      path: ["train", "learningRate", "warmupSteps"],
      message: `a warm-up of ${train.learningRate.warmupSteps} steps leaves none of ${shortest}; fewer than ${shortest} would be right`,
    })
  const quality = qualityOf(search, reward)
  const heldOut = quality === "heldOutAccuracy" || quality === "heldOutLoss"
  if (normsOf(search) === "running" && !(heldOut && measures(search)))
    problems.push({
      path: ["search", "norms"],
      message: measures(search)
        ? `${quality} is measured on the training batch, by that batch's statistics; batch, or a held-out quality would be right`
        : "one candidate is never measured; batch, or no such key, would be right",
    })
  if (experiment.data.heldOut === 0 && reward !== undefined && heldOut && measures(search))
    problems.push({
      path: ["data", "heldOut"],
      message:
        quality === reward.quality
          ? `reward.quality is ${quality}, and no images are held out; 5000, say, or a quality of the training batch would be right`
          : `a ${search.kind} search measures ${quality}, and no images are held out; 5000, say, would be right`,
    })
  if (experiment.data.heldOut === 0 && experiment.finish.evaluate === "heldOut")
    problems.push({
      path: ["finish", "evaluate"],
      message:
        "no images are held out to evaluate on; test, or data.heldOut above 0 would be right",
    })
  const isTrainedThroughout = !isSearching(search.kind) && wideStepsOf(search, train.steps) === 0
  if (retrained === train.steps && isTrainedThroughout)
    problems.push({
      path: ["finish", "retrain"],
      message:
        "a fixed assignment is trained from scratch already, and the result would be the same; leave retrain out",
      severity: "warning",
    })
  for (const problem of resourceProblems(experiment.resources ?? {}))
    problems.push({ ...problem, path: ["resources", ...problem.path] })
  for (const problem of Datasets.problems(experiment.data, folder))
    problems.push({ ...problem, path: ["data", ...problem.path] })
  return problems
}
