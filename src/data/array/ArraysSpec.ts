/** The `data:` block of one's own NumPy arrays. Left out: what is done with it (`Arrays.ts`). */
import { Schema } from "effect"
import { asSentence, FilePath, optional, withDefault } from "../../declaration/Field.ts"
import { dataFields } from "../DataSpec.ts"
import { splitFields } from "../ImageFolderSpec.ts"

export const summary =
  "your own NumPy arrays, .npz or .npy: images, spectrograms or windows of sensors with integer labels; nothing is fetched"

const ArrayName = Schema.String.check(
  Schema.isPattern(/^[^\p{Cc}]{1,255}$/u, { expected: "the name of an array" }),
)
const perChannel = (description: string, example: ReadonlyArray<number>) =>
  optional(Schema.Array(Schema.Finite), description, { examples: [example] })

export const spec = Schema.Struct({
  kind: Schema.Literal("arrays"),
  ...dataFields({ augment: [], heldOut: 500 }),
  train: FilePath.annotate({
    description:
      "The file to train on, from this file's folder: .npz with examples and labels (and, named *_test, those of the test), or .npy.",
    examples: ["keywords.npz"],
  }),
  trainLabels: optional(
    FilePath,
    "Where train is .npy, the .npy file of its labels. Default: none.",
    {
      examples: ["labels.npy"],
    },
  ),
  test: optional(
    FilePath,
    "The file of the test split. Default: the arrays named *_test in train, else a share of train.",
    { examples: ["keywords-test.npz"] },
  ),
  testLabels: optional(
    FilePath,
    "Where test is .npy, the .npy file of its labels. Default: none.",
    {
      examples: ["test-labels.npy"],
    },
  ),
  examples: optional(
    ArrayName,
    "In .npz files, the array of examples: uint8 or float numbers [count, height, width, channels] or [count, height, width]. Default: found by its name (x, images, data, features, ...).",
    { examples: ["x_train"] },
  ),
  labels: optional(
    ArrayName,
    "In .npz files, the array of labels: integers [count] from 0. Default: found by its name (y, labels, targets, ...).",
    { examples: ["y_train"] },
  ),
  layout: withDefault(
    Schema.Literals(["channelsLast", "channelsFirst"]).annotate({
      description:
        "Order of the axes behind the first: height, width, channels, or (PyTorch) channels, height, width.",
      default: "channelsLast",
    }),
    "channelsLast",
  ),
  shape: optional(
    Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_536 }))).check(
      Schema.isMinLength(3),
      Schema.isMaxLength(3),
    ),
    "[height, width, channels] that each example is read as, whatever its axes; it has as many numbers. Default: that of the array.",
    { examples: [[49, 10, 1]] },
  ),
  classNames: optional(
    Schema.Array(Schema.String.check(Schema.isMinLength(1))).check(Schema.isMinLength(2)),
    "Names of the classes in the order of their labels. Default: the array class_names of train, else the numbers.",
    { examples: [["no", "yes"]] },
  ),
  mean: perChannel(
    "Taken off each channel: one number for each, in the units of the array. Default: the mean of the train split.",
    [0.5],
  ),
  std: perChannel(
    "Each channel is divided by it: one number for each, in the units of the array. Default: the standard deviation of the train split.",
    [0.25],
  ),
  testShare: withDefault(
    Schema.Finite.check(Schema.isBetween({ minimum: 0.001, maximum: 0.9 })).annotate({
      description:
        "Part of each class that is set apart for the test where there are no arrays for it.",
      default: 0.1,
    }),
    0.1,
  ),
  dataSeed: splitFields.dataSeed,
})
  .annotate({ description: asSentence(summary) })
  .annotate({ identifier: "Arrays", title: "NumPy arrays" })
export type Spec = (typeof spec)["Type"]
