/** The schema of `formats.scale` of a space file. Meaning is given by `Scales.ts`. */
import { Schema } from "effect"
import { activationGranularities, weightGranularities } from "../../cost/LayerTable.ts"
import { field, withDefault } from "../../declaration/Field.ts"
import { otherNames, withOtherKeys, withOtherNames } from "../../declaration/OtherNames.ts"
import { sharedExponents } from "../../format/Format.ts"

const granularities = otherNames({
  what: "granularity",
  same: {
    tensor: "perTensor layer perLayer layerwise tensorwise",
    channel: "perChannel axis perAxis outputChannel perOutputChannel row channelwise channels",
    token: "perToken tokenwise tokens",
    block: "perBlock group perGroup groupwise blockwise groups blocks",
  },
})

const Granularity = Schema.Union([
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
})

const Rule = Schema.Union([
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
})

const SharedExponentRule = withOtherNames(
  Schema.Literals(sharedExponents).annotate({
    description:
      "How MX formats find the power of two of a block: floor (OCP), ceil, even or roundUp (CUDA). Required where one is offered. Default: none.",
  }),
  otherNames({
    what: "rule",
    same: {
      floor: "ocp down roundDown",
      ceil: "up",
      roundUp: "rceil cuda ue8m0",
      even: "nearest round rne roundHalfEven",
    },
  }),
)

const otherKeys = otherNames({
  what: "key",
  say: {
    "a zero point comes with the format: { weights: INT8, activations: UINT8 }":
      "symmetric asymmetric zeroPoint zeroPoints affine signed",
  },
})

export const Scale = withOtherKeys(
  Schema.Struct({
    granularity: withDefault(Granularity, "tensor"),
    blockSize: Schema.optionalKey(
      Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 4096 })).annotate({
        description:
          "Input channels that share a float32 scale, 2 to 4096: required at block granularity, and given nowhere else. Default: none.",
        examples: [32],
      }),
    ),
    rule: withDefault(Rule, "absmax"),
    unsignedAfterRelu: withDefault(
      Schema.Boolean.annotate({
        description:
          "Integer formats of values that cannot be negative (after relu, attention's probabilities) range from 0 to 2^b - 1.",
      }),
      false,
    ),
    sharedExponent: Schema.optionalKey(SharedExponentRule),
  }),
  otherKeys,
).annotate({ identifier: "Scale", description: "How numbers are scaled into their formats." })
export type Scale = typeof Scale.Type
