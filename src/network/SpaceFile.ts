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
import { otherNames, withOtherKeys, withOtherNames } from "../declaration/OtherNames.ts"
import { activationGranularities, weightGranularities } from "../cost/LayerTable.ts"
import { sharedExponents } from "../format/Format.ts"
import { FormatList, FormatName, FormatOptionList, FormatPair } from "../format/FormatName.ts"
import { sets } from "../format/Formats.ts"
import { Name, tunable, useField } from "../space/Tunable.ts"
import { blocks } from "./block/Blocks.ts"

const between = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))

export const Scope = Schema.Literals(["layer", "block", "stage", "model"]).annotate({
  identifier: "Scope",
  description: "How much one format decision covers.",
})

const listText = "Formats that the search chooses from, or the name of a set of formats."

const FormatChoice = Schema.Union([
  FormatName,
  Schema.Struct({
    oneOf: field(FormatList, listText),
    scope: optional(Scope, "How much one decision of this operand covers. Default: formats.scope."),
  }),
  Schema.Struct({ use: useField }),
]).annotate({ identifier: "FormatChoice", examples: ["INT8", { oneOf: ["INT4", "INT8"] }] })
export type FormatChoice = typeof FormatChoice.Type

/** The same without a scope: what an override matches decides layer by layer. */
const OverrideChoice = Schema.Union([
  FormatName,
  Schema.Struct({ oneOf: field(FormatList, listText) }),
  Schema.Struct({ use: useField }),
]).annotate({ identifier: "OverrideChoice", examples: ["INT8", { oneOf: ["INT4", "INT8"] }] })

const operands = <Choice extends Schema.Top>(choice: Choice, otherwise: string) => ({
  oneOf: optional(
    FormatOptionList,
    "Formats and pairs of formats that the search chooses from, for weights and activations together; or the name of a set of formats. Default: none; weights and activations are said apart.",
  ),
  use: optional(
    Name,
    "Name of an entry of `choices` with formats: one decision with all that use it. Default: none.",
    { examples: ["first"] },
  ),
  weights: optional(
    choice,
    `Format of the weights, apart from that of the activations. Default: ${otherwise}.`,
  ),
  activations: optional(
    choice,
    `Format of the inputs of layers, apart from that of the weights. Default: ${otherwise}.`,
  ),
})

const Override = Schema.Struct({
  match: field(
    Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(300)),
    "Path of layers: * stands for one name of it, ** for any number of them.",
    { examples: ["classifier", "stage2.*.project", "stage1.**"] },
  ),
  ...operands(OverrideChoice, "the general rule"),
}).annotate({
  identifier: "Override",
  description: "Formats of the layers whose path matches; the first match wins.",
})
export type Override = typeof Override.Type

const granularities = otherNames({
  what: "granularity",
  same: {
    tensor: "perTensor layer perLayer layerwise tensorwise",
    channel: "perChannel axis perAxis outputChannel perOutputChannel row channelwise channels",
    token: "perToken tokenwise tokens",
    block: "perBlock group perGroup groupwise blockwise groups blocks",
  },
})

const Scale = Schema.Struct({
  granularity: withDefault(
    Schema.Union([
      withOtherNames(Schema.Literals(["tensor", "channel", "token", "block"]), granularities),
      Schema.Struct({
        weights: withDefault(
          withOtherNames(Schema.Literals(weightGranularities), granularities),
          "tensor",
          "What one scale of the weights covers: all of them, those of an output channel, or a block of input channels.",
        ),
        activations: withDefault(
          withOtherNames(Schema.Literals(activationGranularities), granularities),
          "tensor",
          "What one scale of a layer's input covers: all of it, a token, or a block of channels.",
        ),
      }).annotate({ identifier: "Granularity" }),
    ]).annotate({
      description:
        "What one scale covers: the tensor, an output channel (weights), a token (inputs) or a block of input channels.",
      examples: ["channel", { weights: "channel", activations: "token" }],
    }),
    "tensor",
  ),
  blockSize: Schema.optionalKey(
    between(2, 4096).annotate({
      description:
        "Input channels that share a float32 scale, 2 to 4096: required at block granularity, and said nowhere else. Default: none.",
      examples: [32],
    }),
  ),
  rule: withDefault(
    Schema.Union([
      withOtherNames(
        Schema.Literals(["absmax", "mse", "learned"]),
        otherNames({
          what: "rule",
          same: {
            absmax: "max maxAbs minmax minMax range amax",
            learned: "lsq lsq+ lsqPlus learnedStepSize learnable trained",
            mse: "l2 meanSquaredError",
          },
          near: { mse: "kl kld entropy histogram mae l1 aciq cosine", learned: "pact dorefa" },
          say: { "it has a number: { percentile: 99.9 }": "percentile quantile clip" },
        }),
      ),
      Schema.Struct({
        percentile: field(
          Schema.Finite.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(100)),
          "Percentile of the magnitudes, above 0, at most 100; what is larger is clipped.",
          { examples: [99.9] },
        ),
      }).annotate({ identifier: "Percentile" }),
    ]).annotate({
      description:
        "Which magnitude the largest value of a format stands for: absmax, mse, learned, or { percentile: 99.9 }.",
      examples: ["learned", { percentile: 99.9 }],
    }),
    "absmax",
  ),
  unsignedAfterRelu: withDefault(
    Schema.Boolean.annotate({
      description:
        "Integer formats of values that cannot be negative (after relu, attention's probabilities) range from 0 to 2^b - 1.",
    }),
    false,
  ),
  sharedExponent: Schema.optionalKey(
    withOtherNames(
      Schema.Literals(sharedExponents).annotate({
        description:
          "How MX formats find the power of two of a block: floor (OCP), ceil or even. Required where one is offered. Default: none.",
      }),
      otherNames({
        what: "rule",
        same: {
          floor: "ocp down roundDown",
          ceil: "up roundUp",
          even: "nearest round rne roundHalfEven",
        },
      }),
    ),
  ),
}).annotate({ identifier: "Scale", description: "How numbers are scaled into their formats." })
export type Scale = typeof Scale.Type

const Formats = Schema.Struct({
  ...operands(FormatChoice, "none; said together with the other, in place of oneOf"),
  scope: optional(
    Scope,
    "How much one format decision covers: a layer, a block (a repeat), a stage (an item) or the whole model.",
    { default: "layer" },
  ),
  scale: optional(
    Scale,
    "How numbers are scaled into their formats. Default: one scale for each tensor, by absmax.",
  ),
  overrides: optional(
    Schema.Array(Override),
    "Other formats for some layers; the first entry whose pattern matches a layer holds for it. Default: none.",
    { examples: [[{ match: "classifier", oneOf: ["INT8"] }]] },
  ),
}).annotate({
  identifier: "Formats",
  description: "Formats of the weights and the inputs of all layers.",
})
export type Formats = typeof Formats.Type

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
  },
  near: {
    transformer: "attention selfAttention multiHeadAttention mha",
    dropout: "dropPath stochasticDepth",
  },
  say: {
    "it is a field of the layer: activation": "relu relu6 gelu silu swish activation",
    "it is a field of the layer: norm: batch": "batchNorm bn norm batchNorm2d",
    "it is a field of invertedResidual: seRatio": "se squeezeExcitation",
  },
})

/** One network item: exactly one key, its block kind. */
export const Item: Schema.Codec<Readonly<Record<string, unknown>>, unknown> = withOtherKeys(
  Schema.Struct(
    Object.fromEntries(
      blocks.map((block) => [
        block.kind,
        Schema.optionalKey(block.spec(Schema.suspend((): Schema.Codec<unknown, unknown> => Item))),
      ]),
    ),
  ),
  otherBlocks,
)
  .check(Schema.isMinProperties(1), Schema.isMaxProperties(1))
  .annotate({ identifier: "Item", description: "Exactly one key: the block kind." }) as never

export const Space = Schema.Struct({
  $schema: SchemaPath,
  name: field(Name, "Name of the network: a letter, then up to 63 letters, digits, _ or -.", {
    examples: ["resnet8"],
  }),
  description: Description,
  input: field(
    Schema.Struct({
      height: field(between(1, 4096), "Height of the images in pixels, 1 to 4096.", {
        examples: [32],
      }),
      width: field(between(1, 4096), "Width of the images in pixels, 1 to 4096.", {
        examples: [32],
      }),
      channels: field(between(1, 64), "Values of each pixel, 1 to 64: 3 for colour, 1 for grey.", {
        examples: [3],
      }),
    }),
    "Size of the images that the network takes; that of the data set.",
  ),
  classes: field(between(2, 100_000), "Classes of the data set, 2 to 100000.", { examples: [10] }),
  choices: optional(
    Schema.Record(Name, Choice),
    "Decisions that several fields share, by name; a field takes one by `use`. Default: none.",
    { examples: [{ width: { oneOf: [0.5, 0.75, 1] } }] },
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
