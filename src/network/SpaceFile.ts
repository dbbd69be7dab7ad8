/** The schema of a space file: what may vary in one whole network. Meaning is given by `Build.ts`. */
import { Schema } from "effect"
import {
  Description,
  distinct,
  field,
  optional,
  SchemaPath,
  withDefault,
} from "../declaration/Field.ts"
import { otherNames, withOtherKeys } from "../declaration/OtherNames.ts"
import { FormatName, FormatPair } from "../format/FormatName.ts"
import { sets } from "../format/Formats.ts"
import { Name, tunable } from "../space/Tunable.ts"
import type { ItemSchema } from "./block/Block.ts"
import { blocks } from "./block/Blocks.ts"
import { Formats } from "./format/FormatsSchema.ts"

const between = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Pixels = between(1, 4096)
const SearchedPixels = Schema.Struct({
  oneOf: field(
    Schema.Array(Pixels).check(Schema.isMinLength(1), distinct),
    "Options of the size, in pixels.",
    { examples: [[24, 32]] },
  ),
}).annotate({ identifier: "SearchedPixels" })

const Choice = Schema.Struct({
  oneOf: field(
    Schema.Union([
      Schema.Array(
        Schema.Union([
          Schema.Finite,
          Schema.String,
          Schema.Tuple([Schema.Int, Schema.Int]),
          FormatPair,
        ]),
      ).check(Schema.isMinLength(1), distinct),
      Schema.Literals(Object.keys(sets)),
    ]),
    "Options of the decision: sizes, or formats, pairs of formats, the name of a set of formats.",
    {
      examples: [
        [0.5, 0.75, 1],
        ["INT4", "INT8"],
      ],
    },
  ),
}).annotate({ identifier: "Choice", description: "One decision for all fields that use it." })

const otherBlocks = otherNames({
  what: "block",
  same: {
    conv: "conv2d convolution conv2dBlock",
    depthwiseConv: "depthwise dwconv depthwiseConv2d",
    dense: "linear fc fullyConnected classifier head",
    basic: "basicBlock resBlock residualBlock",
    bottleneck: "bottleneckBlock",
    invertedResidual: "mbconv inverted invertedBottleneck",
    transformer: "transformerBlock encoder encoderBlock vitBlock",
    patchEmbed: "patchEmbedding patches",
    averagePool: "avgPool avgPool2d averagePooling",
    maxPool: "maxPool2d maxPooling",
    globalAveragePool: "gap globalAvgPool globalPool adaptiveAvgPool2d adaptiveAveragePool",
    takeClassToken: "classToken clsToken cls",
    globalMaxPool: "gmp adaptiveMaxPool2d adaptiveMaxPool",
    norm: "batchNorm bn batchNorm2d normalization",
    activation: "relu relu6 gelu silu swish hardSwish",
    squeezeExcite: "se squeezeExcitation",
    residual: "skip shortcut res",
    sum: "add addition elementwiseAdd",
    identity: "skipConnect noop passThrough",
    zero: "zeros none",
    choice: "mixed mixedOp oneOf switch",
  },
  near: {
    transformer: "attention selfAttention multiHeadAttention mha",
    dropout: "dropPath stochasticDepth",
  },
})

/** One network item: exactly one key, its block kind. */
export const Item: ItemSchema = withOtherKeys(
  Schema.Struct(
    Object.fromEntries(
      blocks.map((block) => [
        block.kind,
        Schema.optionalKey(block.spec(Schema.suspend((): ItemSchema => Item))),
      ]),
    ),
  ),
  otherBlocks,
)
  .check(Schema.isMinProperties(1), Schema.isMaxProperties(1))
  .annotate({ identifier: "Item", description: "Exactly one key: the block kind." })

export const Space = Schema.Struct({
  $schema: SchemaPath,
  name: field(Name, "Name of the network: a letter, then up to 63 letters, digits, _ or -.", {
    examples: ["resnet8"],
  }),
  description: Description,
  input: field(
    Schema.Struct({
      height: field(
        Schema.Union([Pixels, SearchedPixels]),
        "Height of the images in pixels, 1 to 4096: a number, or a decision, input.size, to which images are resized.",
        { examples: [32, { oneOf: [24, 32] }] },
      ),
      width: field(
        Schema.Union([Pixels, Schema.Literal("same"), SearchedPixels]),
        "Width of the images in pixels, 1 to 4096; same: that of the height; a list has one width for each height.",
        { examples: [32, "same"] },
      ),
      channels: field(between(1, 64), "Values of each pixel, 1 to 64: 3 for colour, 1 for grey.", {
        examples: [3],
      }),
    }),
    "Size of the images that the network takes; the largest is that of the data set.",
  ),
  classes: field(between(2, 100_000), "Classes of the data set, 2 to 100000.", { examples: [10] }),
  choices: optional(
    Schema.Record(Name, Choice),
    "Decisions that several fields share, by name; a field takes one by `use`. Default: none.",
    { examples: [{ width: { oneOf: [0.5, 0.75, 1] } }] },
  ),
  cells: optional(
    Schema.Record(Name, Schema.Array(Item).check(Schema.isMinLength(1), Schema.isMaxLength(1000))),
    "Lists of items that stand in several places, by name; an item `cell` puts one there. Default: none.",
    { examples: [{ normal: [{ conv: { filters: 16, kernel: 3 } }] }] },
  ),
  definitions: optional(
    Schema.Record(Schema.String, Schema.Unknown),
    "A place for YAML anchors: nothing reads it. An alias elsewhere in the file takes the whole value. Default: none.",
    { examples: [{ act: "hardSwish" }] },
  ),
  network: field(
    Schema.Array(Item).check(Schema.isMinLength(1), Schema.isMaxLength(1000)),
    "The network, top to bottom: 1 to 1000 items, each with exactly one key, its block.",
    {
      examples: [
        [
          { conv: { filters: 16, kernel: 3 } },
          { globalAveragePool: {} },
          { dense: { units: "classes" } },
        ],
      ],
    },
  ),
  widthMultiplier: withDefault(
    tunable(
      Schema.Finite.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(64)),
      "TunableMultiplier",
      [0.5, 1],
    ),
    1,
    "Factor on the filters of all layers (on the heads of a transformer), above 0, at most 64; as a decision it searches the width.",
  ),
  widthRounding: withDefault(
    Schema.Literals(["multipleOf8", "exact"]),
    "multipleOf8",
    "How multiplied filters become whole: to a multiple of 8 as in MobileNet, or exact, where the product must be whole.",
  ),
  formats: optional(
    Schema.Union([FormatName, Formats]),
    "Number formats of the layers: one format for all, or what the search chooses from. Default: FP32, nothing is quantized.",
    { examples: ["INT8", { oneOf: ["INT4", "INT8"] }] },
  ),
}).annotate({
  identifier: "Space",
  description: "A fliqs search space: one network and what may vary in it.",
})
export type Space = typeof Space.Type
