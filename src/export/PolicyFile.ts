/**
 * The schema of a policy file: a found network without its weights, everything in numbers. Left out: what the schema
 * cannot say, and the network made of it (`PolicyTarget.ts`).
 */
import { Schema } from "effect"
import { field, optional, SchemaPath } from "../declaration/Field.ts"
import { FormatName } from "../format/FormatName.ts"
import { sharedExponents } from "../format/Format.ts"
import { Space } from "../network/SpaceFile.ts"
import { AssignmentMap } from "../search/Fixed.ts"

/** The version of the form of the file. */
export const policyVersion = 1

const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e15 }))
const Above0 = Schema.Finite.check(Schema.isGreaterThan(0))

const Block = Schema.Struct({
  size: field(Count, "Elements that share a scale.", { examples: [32] }),
  scale: field(
    Schema.Literals(["E8M0", "E4M3"]),
    "Format of that scale: a power of two (E8M0), or a float under one float32 scale of the tensor (E4M3).",
  ),
  bits: field(Count, "Bits of one stored scale of a block.", { examples: [8] }),
}).annotate({ identifier: "PolicyBlock" })

const Numbers = Schema.Struct({
  bits: field(Count, "Bits of one element.", { examples: [4] }),
  storageBits: field(Above0, "Bits of one element with its share of a block's scale.", {
    examples: [4.25],
  }),
  mantissaBits: field(Count, "Bits of the mantissa; of an integer all but the sign.", {
    examples: [3],
  }),
  minExponent: field(Schema.Int, "Exponent below which the grid of values is even.", {
    examples: [3],
  }),
  lo: field(Schema.Finite, "Lowest value.", { examples: [-8] }),
  hi: field(Schema.Finite, "Highest value.", { examples: [7] }),
  negativeZero: field(Schema.Boolean, "Whether there is a code for -0."),
  scaled: field(Schema.Boolean, "Whether a float32 scale belongs to it."),
  zeroPoint: optional(
    Schema.Literal(true),
    "True where a zero point is found with every scale, and moves the range. Default: there is none.",
    { examples: [true] },
  ),
  block: optional(Block, "The scale that neighbouring elements share. Default: none.", {
    examples: [{ size: 32, scale: "E8M0", bits: 8 }],
  }),
}).annotate({ identifier: "PolicyFormat", description: "A number format in numbers." })

const exampleFormat = {
  bits: 4,
  storageBits: 4,
  mantissaBits: 3,
  minExponent: 3,
  lo: -8,
  hi: 7,
  negativeZero: false,
  scaled: true,
}

const Rule = Schema.Union([
  Schema.Literals(["absmax", "mse", "learned"]),
  Schema.Struct({
    percentile: field(Above0, "Percentile of the magnitudes; what is larger is clipped.", {
      examples: [99.9],
    }),
  }).annotate({ identifier: "PolicyPercentile" }),
])

const Operand = Schema.Struct({
  format: field(FormatName, "Its number format, one of `formats`.", { examples: ["INT4"] }),
  range: field(
    Schema.Tuple([Schema.Finite, Schema.Finite]),
    "Lowest and highest value that it takes: of an integer that cannot be negative they begin at 0.",
    { examples: [[-8, 7]] },
  ),
  granularity: field(
    Schema.Literals(["tensor", "channel", "token", "block"]),
    "What one float32 scale covers; tensor where the format has none.",
  ),
  blockSize: optional(Count, "Input channels of a block. Default: none.", { examples: [32] }),
  rule: field(Rule, "Where the scale comes from.", { examples: ["absmax"] }),
  sharedExponent: optional(
    Schema.Literals(sharedExponents),
    "How the power of two of a block is found. Default: none.",
  ),
}).annotate({ identifier: "PolicyOperand", description: "How an operand is rounded." })

const exampleOperand = {
  format: "INT4",
  range: [-8, 7],
  granularity: "channel",
  rule: "absmax",
}

const Layer = Schema.Struct({
  path: field(Schema.String, "Path of the layer.", { examples: ["stage1.0.conv1"] }),
  kind: field(Schema.Literals(["conv", "depthwiseConv", "dense"]), "What it computes."),
  macs: field(Count, "Multiply-accumulates for one image.", { examples: [147456] }),
  weights: field(Count, "Elements of its weight.", { examples: [2304] }),
  bytes: field(
    Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
    "Bytes of the stored weight with its scales, and of its bias and norm.",
    { examples: [1216] },
  ),
}).annotate({ identifier: "PolicyLayer", description: "A layer of the found network." })

const exampleLayer = { path: "stem", kind: "conv", macs: 147456, weights: 144, bytes: 136 }

const Weights = Schema.Struct({
  digest: field(
    Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/u, { expected: "32 hex digits" })),
    "The first 32 hex digits of the SHA-256 of all weights with their names and shapes.",
    { examples: ["0123456789abcdef0123456789abcdef"] },
  ),
}).annotate({ identifier: "PolicyWeights", description: "Which weights belong to it." })

const Normalisation = Schema.Struct({
  mean: field(Schema.Array(Schema.Finite), "Of each channel, of bytes / 255.", {
    examples: [[0.49, 0.48, 0.45]],
  }),
  std: field(Schema.Array(Above0), "Standard deviation of each channel.", {
    examples: [[0.25, 0.24, 0.26]],
  }),
}).annotate({
  identifier: "PolicyPreprocessing",
  description: "How bytes of an image become the input: (byte / 255 - mean) / std.",
})

export const Policy = Schema.Struct({
  $schema: SchemaPath,
  policy: field(Schema.Int, "Version of the form of this file; 1 is all there are.", {
    examples: [policyVersion],
  }),
  version: field(Schema.String, "The fliqs that trained the network.", { examples: ["0.1.0"] }),
  trial: field(Schema.String, "Id of the trial that found it.", {
    examples: ["7f3a9c0de1b24586"],
  }),
  space: field(Space, "The space that it was found in, whole."),
  assignment: field(AssignmentMap, "Path of every active decision -> its option.", {
    examples: [{ "stem.format": "INT8" }],
  }),
  formats: field(
    Schema.Record(Schema.String, Numbers),
    "The formats that the network uses, by name, in numbers.",
    { examples: [{ INT4: exampleFormat }] },
  ),
  operands: field(
    Schema.Record(Schema.String, Operand),
    "Path of every quantized operand -> how it is rounded.",
    { examples: [{ "stem.weights": exampleOperand }] },
  ),
  amax: field(
    Schema.Record(Schema.String, Above0),
    "Path of an operand -> the amax that its scale is frozen at; in formats with a zero point highest less lowest value.",
    { examples: [{ "stem.activations": 2.64 }] },
  ),
  zeroPoints: optional(
    Schema.Record(Schema.String, Count),
    "Path of an operand -> the code of 0 that it is frozen at, in formats with a zero point. Default: none.",
    { examples: [{ "stem.activations": 117 }] },
  ),
  layers: field(Schema.Array(Layer), "The layer table, in the order of the network.", {
    examples: [[exampleLayer]],
  }),
  classes: field(Schema.Array(Schema.String), "Names of the classes, in the order of the logits.", {
    examples: [["airplane", "bird"]],
  }),
  preprocessing: field(Normalisation, "How bytes of an image become the input."),
  weights: field(Weights, "Which weights belong to it; they are in a file of their own."),
}).annotate({
  identifier: "Policy",
  description: "A fliqs policy: one found network, with its space, its formats and its scales.",
})
export type Policy = typeof Policy.Type
