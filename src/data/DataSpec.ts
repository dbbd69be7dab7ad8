/**
 * The part of the `data:` block that all kinds share, and what can be wrong with it before anything is loaded. Left out: the
 * fields of one kind (its own file).
 */
import { Schema } from "effect"
import { distinct, withDefault } from "../declaration/Field.ts"
import type { DatasetShape } from "./Dataset.ts"

/** A mistake in the `data:` block. */
export interface SpecProblem {
  readonly path: ReadonlyArray<string>
  readonly message: string
  /** Default `error`. */
  readonly severity?: "error" | "warning"
}

const positive = Schema.Int.check(Schema.isGreaterThan(0))

/** The names of the augmentations, in the order they are applied. */
export const Augmentation = Schema.Literals(["flip", "crop"]).annotate({
  identifier: "Augmentation",
  description:
    "flip: left-right, half of the images; crop: shifted by up to an eighth of the size, black around",
})
export type Augmentation = (typeof Augmentation)["Type"]

/** The part of `data:` that all kinds share. */
export interface DataSpec {
  readonly kind: string
  readonly batchSize: number
  readonly augment: ReadonlyArray<Augmentation>
  readonly heldOut: number
  readonly trainLimit?: number
  readonly testLimit?: number
}

/** The fields of `DataSpec` but for `kind`, with the kind's defaults. */
export const dataFields = (defaults: {
  readonly augment: ReadonlyArray<Augmentation>
  readonly heldOut: number
  readonly heldOutWords?: string
}) => ({
  batchSize: withDefault(
    positive.annotate({ description: "Images per training step.", default: 128 }),
    128,
  ),
  augment: withDefault(
    Schema.Array(Augmentation)
      .check(distinct)
      .annotate({
        description: "Random changes to the training images; [] for none.",
        examples: [["flip", "crop"]],
        default: defaults.augment,
      }),
    defaults.augment,
  ),
  heldOut: withDefault(
    Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
      description:
        defaults.heldOutWords ??
        "Images taken out of the train split, by the seed, to measure quality for the search.",
      default: defaults.heldOut,
    }),
    defaults.heldOut,
  ),
  trainLimit: Schema.optionalKey(
    positive.annotate({
      description: "How many images of the train split are used, from its start. Default: all.",
      examples: [1000],
    }),
  ),
  testLimit: Schema.optionalKey(
    positive.annotate({
      description: "How many images of the test split are used, from its start. Default: all.",
      examples: [1000],
    }),
  ),
})

/** What is wrong with a specification before anything is loaded; paths are relative to `data`. */
export const specProblems = (spec: DataSpec, shape: DatasetShape): ReadonlyArray<SpecProblem> => {
  const problems: Array<SpecProblem> = []
  const tooMany = (key: string, limit: number | undefined, count: number) => {
    if (limit !== undefined && limit > count)
      problems.push({
        path: [key],
        message: `${limit} is more than the ${count} images of ${shape.name}; at most ${count}`,
      })
  }
  tooMany("trainLimit", spec.trainLimit, shape.trainCount)
  tooMany("testLimit", spec.testLimit, shape.testCount)
  const { heldOutCount } = shape
  const available = Math.min(spec.trainLimit ?? shape.trainCount, shape.trainCount)
  if (heldOutCount === undefined && spec.heldOut >= available)
    problems.push({
      path: ["heldOut"],
      message: `${spec.heldOut} of ${available} training images leave none to train on; at most ${available - 1}`,
    })
  if (heldOutCount !== undefined && spec.heldOut > heldOutCount)
    problems.push({
      path: ["heldOut"],
      message: `${spec.heldOut} is more than the ${heldOutCount} images there are to hold out; all of them are`,
      severity: "warning",
    })
  return problems
}
