/** The `data:` block of one's own images. Left out: what is done with it (`ImageFolder.ts`). */
import { Schema } from "effect"
import { asSentence, distinct, FilePath, optional, withDefault } from "../declaration/Field.ts"
import { Augmentation, dataFields } from "./DataSpec.ts"
import { Links } from "./ImageBytes.ts"
import { Background, Grey, type Target } from "./ImageFile.ts"

const share = (minimum: number, maximum: number, value: number, description: string) =>
  withDefault(
    Schema.Finite.check(Schema.isBetween({ minimum, maximum })).annotate({
      description,
      default: value,
    }),
    value,
  )

const pixels = (description: string) =>
  withDefault(
    Schema.Int.check(Schema.isBetween({ minimum: 4, maximum: 1024 })).annotate({
      description,
      default: 224,
    }),
    224,
  )

const perChannel = (minimum: number, description: string, example: ReadonlyArray<number>) =>
  optional(
    Schema.Array(Schema.Finite.check(Schema.isBetween({ minimum, maximum: 1 }))),
    description,
    { examples: [example] },
  )

/** The name of a folder, as it is: no path. */
const FolderName = Schema.String.check(
  Schema.isPattern(/^(?!\.{1,2}$)[^/\\\p{Cc}]{1,255}$/u, {
    expected: "the name of a folder in data.path, without /",
  }),
)

export const summary =
  "your own images: data.path is a folder with a folder per class; nothing is fetched"

/** Of all kinds of images that are decoded as they are used. */
export const sharedFields = {
  ...dataFields({
    augment: ["flip", "crop"],
    heldOut: 500,
    heldOutWords:
      "Images to measure quality for the search, drawn by the seed from the validation folder, else out of the train split.",
  }),
  augment: withDefault(
    Schema.Array(Augmentation)
      .check(distinct)
      .annotate({
        description:
          "Random changes to the training images; [] for none. flip: left-right, half of them; crop: a random part, scaled to the size.",
        default: ["flip", "crop"],
        examples: [["flip"]],
      }),
    ["flip", "crop"],
  ),
}

/** Where the images are. */
const folderFields = {
  path: FilePath.annotate({
    description:
      "The folder, from this file's folder: train/CLASS/* and test/CLASS/* (or val, validation, valid, dev), else CLASS/*.",
    examples: ["flowers"],
  }),
  test: optional(
    FolderName,
    "The folder of the test split, by its name in path. Default: test, else the validation folder, else a share of train.",
    { examples: ["test"] },
  ),
  heldOutFrom: optional(
    FolderName,
    "The folder that held-out images come from; train: out of the train split. Default: the validation folder where another is the test split, else train.",
    { examples: ["validation"] },
  ),
  links: Schema.optionalKey(
    Links.annotate({
      description:
        "Links that lead out of the folder, as DVC, the Hugging Face cache and git-annex make them: follow, or refuse.",
      default: "refuse",
    }),
  ),
}

/** What becomes of an image. */
export const pixelFields = {
  height: pixels("Height in pixels of what the network gets, 4 to 1024."),
  width: pixels("Width in pixels of what the network gets, 4 to 1024."),
  channels: withDefault(
    Schema.Literals([1, 3]).annotate({ description: "1 for grey, 3 for colour.", default: 3 }),
    3,
  ),
  grey: Schema.optionalKey(
    Grey.annotate({
      description:
        "With channels: 1, how colour becomes grey. bt601: 0.299 R + 0.587 G + 0.114 B of the stored values, as PIL, torchvision and OpenCV; linear: the luminance of linear light.",
      default: "bt601",
    }),
  ),
  background: Schema.optionalKey(
    Background.annotate({
      description: "What lies behind transparent parts: black or white.",
      default: "black",
    }),
  ),
  centre: share(
    0.1,
    1,
    0.875,
    "How much of the shorter side is kept where nothing is random: the middle.",
  ),
  minArea: share(0.01, 1, 0.08, "The least part of the area that the augmentation crop takes."),
  mean: perChannel(
    0,
    "Taken off each channel, of value / 255: one number for each channel. Default: ImageNet's.",
    [0.485, 0.456, 0.406],
  ),
  std: perChannel(
    1 / 255,
    "Each channel is divided by it, of value / 255: one number for each channel. Default: ImageNet's.",
    [0.229, 0.224, 0.225],
  ),
}

/** Which images are used. */
export const splitFields = {
  testShare: share(
    0.001,
    0.9,
    0.1,
    "Part of each class that is set apart for the test where there is no folder for it.",
  ),
  dataSeed: withDefault(
    Schema.Int.annotate({
      description: "Another number sets others apart; the experiment's seed does not touch them.",
      default: 1,
    }),
    1,
  ),
  brokenLimit: share(0, 1, 0.01, "Part of all images that may be broken; those are skipped."),
}

/** Whether mean and std have a value for each channel. */
export const statisticsFit = Schema.makeFilter<Pick<PixelSpec, "channels" | "mean" | "std">>(
  ({ channels, mean, std }) =>
    [mean, std].every((values) => values === undefined || values.length === channels)
      ? true
      : `mean and std have a value for each of the ${channels} channels`,
)

const PixelFields = Schema.Struct(pixelFields)
/** What becomes of an image, decoded. */
export type PixelSpec = (typeof PixelFields)["Type"] & {
  readonly brokenLimit: number
}

/** What images are made into. */
export const targetOf = ({
  background = "black",
  channels,
  grey = "bt601",
  height,
  width,
}: PixelSpec): Target => ({ height, width, channels, grey, background })

/** Of ImageNet's training images, red, green, blue; for grey images their averages. */
const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
const average = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b) / values.length

export const imageStatistics = ({ channels, mean, std }: PixelSpec) => {
  const usual = (values: ReadonlyArray<number>) => (channels === 3 ? values : [average(values)])
  return { mean: mean ?? usual(imageNet.mean), std: std ?? usual(imageNet.std) }
}

/** What a check says of itself is no part of a JSON Schema: the description stands before it. */
export const spec = Schema.Struct({
  kind: Schema.Literal("imageFolder"),
  ...sharedFields,
  ...folderFields,
  ...pixelFields,
  ...splitFields,
})
  .annotate({ description: asSentence(summary) })
  .check(statisticsFit)
  .annotate({ identifier: "ImageFolder", title: "A folder of images" })
export type Spec = (typeof spec)["Type"]
