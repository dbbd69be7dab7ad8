/** The schema of a space file: what may vary in one whole network. Meaning is given by `Build.ts`. */
import { Schema } from "effect"
import { distinct, withDefault } from "../declaration/Field.ts"
import { otherNames, withOtherKeys, withOtherNames } from "../declaration/OtherNames.ts"
import { inputGranularities, weightGranularities } from "../cost/LayerTable.ts"
import { sharedExponents } from "../format/Format.ts"
import { FormatList, FormatName, FormatOptionList, FormatPair } from "../format/FormatName.ts"
import { sets } from "../format/Formats.ts"
import { Name, tunable } from "../space/Tunable.ts"
import { blocks } from "./block/Blocks.ts"

const between = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))

export const Scope = Schema.Literals(["layer", "block", "stage", "model"]).annotate({
  identifier: "Scope",
  description: "How much one format decision covers.",
})

const FormatChoice = Schema.Union([
  FormatName,
  Schema.Struct({ oneOf: FormatList, scope: Schema.optionalKey(Scope) }),
  Schema.Struct({ use: Name }),
]).annotate({ identifier: "FormatChoice" })
export type FormatChoice = typeof FormatChoice.Type

/** The same without a scope: what an override matches decides layer by layer. */
const OverrideChoice = Schema.Union([
  FormatName,
  Schema.Struct({ oneOf: FormatList }),
  Schema.Struct({ use: Name }),
]).annotate({ identifier: "OverrideChoice" })

const operands = <Choice extends Schema.Top>(choice: Choice) => ({
  oneOf: Schema.optionalKey(FormatOptionList),
  use: Schema.optionalKey(Name),
  weights: Schema.optionalKey(choice),
  activations: Schema.optionalKey(choice),
})

const Override = Schema.Struct({
  match: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(300)),
  ...operands(OverrideChoice),
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
        ),
        activations: withDefault(
          withOtherNames(Schema.Literals(inputGranularities), granularities),
          "tensor",
        ),
      }).annotate({ identifier: "Granularity" }),
    ]).annotate({
      description:
        "What one scale covers: the tensor, an output channel (weights), a token (inputs) or a block of input channels.",
    }),
    "tensor",
  ),
  blockSize: Schema.optionalKey(
    between(2, 4096).annotate({
      description: "Input channels that share a float32 scale at block granularity.",
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
        percentile: Schema.Finite.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(100)),
      }).annotate({ identifier: "Percentile" }),
    ]).annotate({
      description:
        "Which magnitude the largest value of a format stands for: absmax, mse, learned, or { percentile: 99.9 }.",
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
          "How MX formats find the power of two of a block: floor (OCP), ceil or even. Required where one is offered.",
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
  ...operands(FormatChoice),
  scope: Schema.optionalKey(Scope),
  scale: Schema.optionalKey(Scale),
  overrides: Schema.optionalKey(Schema.Array(Override)),
}).annotate({ identifier: "Formats", description: "Of the weight and the input of every layer." })
export type Formats = typeof Formats.Type

const Choice = Schema.Struct({
  oneOf: Schema.Union([
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
}).annotate({ identifier: "Choice" })

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
  $schema: Schema.optionalKey(Schema.String),
  name: Name,
  description: Schema.optionalKey(Schema.String),
  input: Schema.Struct({
    height: between(1, 4096),
    width: between(1, 4096),
    channels: between(1, 64),
  }),
  classes: between(2, 100_000),
  choices: Schema.optionalKey(Schema.Record(Name, Choice)),
  network: Schema.Array(Item).check(Schema.isMinLength(1), Schema.isMaxLength(1000)),
  widthMultiplier: withDefault(
    tunable(
      Schema.Finite.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(64)),
      "TunableMultiplier",
    ),
    1,
  ),
  widthRounding: withDefault(Schema.Literals(["multipleOf8", "exact"]), "multipleOf8"),
  formats: Schema.optionalKey(Schema.Union([FormatName, Formats])),
}).annotate({ identifier: "Space", title: "fliqs search space" })
export type Space = typeof Space.Type
