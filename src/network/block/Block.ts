/**
 * What a block is: a kind, the schema of its fields, and how it lowers to layers and nodes.
 *
 * To add one: a file beside this, an entry in `Blocks.ts`, a test. In here too: the field schemas that several share.
 */
import { Schema } from "effect"
import { field, optional, withDefault } from "../../declaration/Field.ts"
import { otherNames, withOtherNames } from "../../declaration/OtherNames.ts"
import { tunable, type Tunable } from "../../space/Tunable.ts"
import type { OptionValue } from "../../space/Decision.ts"
import { constant, type Quantity } from "../../space/Quantity.ts"
import type { Builder, Lowering } from "../Builder.ts"
import type { Around } from "../Graph.ts"
import type { Activation } from "../NetworkNodes.ts"
import type { OptionRule, DecidedField, BlockPlace } from "../Decisions.ts"

/** The schema of one network item: one key, its block. */
export type ItemSchema = Schema.Codec<Readonly<Record<string, unknown>>, unknown>

export interface Block<Fields = unknown> extends Lowering<Fields> {
  /** The schema of its fields; `item` is the schema of one network item, for blocks that hold items. */
  readonly spec: (item: ItemSchema) => Schema.Codec<Fields, unknown>
}

/** A block whose fields only its own schema knows: what the list holds. */
export const defineBlock = <Fields>(block: Block<Fields>): Block => block

const between = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))

export const Width = between(1, 65_536).annotate({ identifier: "Width" })
export const TunableWidth = tunable(Width, "TunableWidth", [16, 32])
const TunableRepeats = tunable(between(0, 256), "TunableRepeats", [1, 2])
const Extent = between(1, 64)
const ExtentPair = Schema.Tuple([Extent, Extent])
export const Extents = Schema.Union([Extent, ExtentPair]).annotate({
  identifier: "Extents",
  description: "One number for height and width, or [height, width].",
  examples: [3, [1, 5]],
})
const TunableKernel = tunable(Extents, "TunableKernel", [3, 5])
const Stride = Schema.Union([Extent, ExtentPair]).annotate({
  identifier: "Stride",
  examples: [2, [2, 1]],
})

/** Probability of being dropped: of an element, or of a residual branch of one example. */
export const DropRate = Schema.Finite.check(
  Schema.isGreaterThanOrEqualTo(0),
  Schema.isLessThan(1),
).annotate({ identifier: "DropRate" })

const Zeros = between(0, 64)
const Padding = Schema.Union([
  withOtherNames(
    Schema.Literals(["same", "valid"]),
    otherNames({
      what: "padding",
      same: { valid: "none no" },
      near: { same: "full zero zeros reflect replicate circular causal constant" },
    }),
  ),
  Zeros,
  Schema.Tuple([Zeros, Zeros]),
  Schema.Tuple([Schema.Tuple([Zeros, Zeros]), Schema.Tuple([Zeros, Zeros])]),
]).annotate({
  identifier: "Padding",
  description:
    "same, valid, or pixels of zeros on each side, 0 to 64: one number, [height, width], or [[top, bottom], [left, right]].",
  examples: ["same", 1],
})
type PaddingValue = typeof Padding.Type

/** What a convolution or a pooling takes: pixels on every side, or one of the two words. */
export const paddingOf = (value: PaddingValue): "same" | "valid" | Around => {
  if (typeof value === "string") return value
  const [rows, columns] = typeof value === "number" ? [value, value] : value
  const sides = (of: number | readonly [number, number]): readonly [number, number] =>
    typeof of === "number" ? [of, of] : of
  return [sides(rows), sides(columns)]
}

const words = [
  "relu",
  "relu6",
  "swish",
  "silu",
  "gelu",
  "hardSwish",
  "hardSigmoid",
  "leakyRelu",
  "elu",
  "tanh",
  "none",
] as const
const Activation = withOtherNames(
  Schema.Literals(words),
  otherNames({
    what: "activation",
    same: {
      swish: "sil",
      none: "linear identity id off",
      gelu: "geluErf",
      hardSwish: "hSwish",
      hardSigmoid: "hSigmoid",
      leakyRelu: "lrelu",
    },
    near: {
      leakyRelu: "prelu rrelu",
      elu: "selu celu",
      relu: "crelu threshold softplus",
      tanh: "hardtanh",
      hardSigmoid: "sigmoid softmax",
      swish: "mish",
      gelu: "quickGelu geluTanh geluNew glu swiglu geglu",
    },
  }),
)
export type ActivationWord = typeof Activation.Type
export const TunableActivation = tunable(Activation, "TunableActivation", ["relu", "hardSwish"])
const anActivation: OptionRule<ActivationWord> = {
  what: `one of ${words.join(", ")}`,
  test: (v) => words.some((word) => word === v),
  role: "architecture",
  fallback: "relu",
}

/** Tunable output channels. */
export const filtersField = (what: string) =>
  field(TunableWidth, `${what}, 1 to 65536: a number, or a decision of its own for the item.`)

export const repeatsField = withDefault(
  TunableRepeats,
  1,
  "How often the block is repeated, 1 to 256; as a decision it searches the depth, and may offer 0 where the shape stays.",
)

const kernelText = (what: string) =>
  `Height and width of ${what} in pixels, 1 to 64; a decision of its own for each repeat. Options of a decision are odd.`

/** The kernel of a convolution that has no usual one. */
export const kernelField = field(TunableKernel, kernelText("the kernel"))

/** The kernel of a block, 3 where none is given. */
export const blockKernelField = (of: string) =>
  withDefault(TunableKernel, 3, kernelText(`the kernel of ${of}`))

/** @param more what else is true of it, after a semicolon */
export const strideField = (of: string, more = "") =>
  withDefault(
    Stride,
    1,
    `Pixels from one place of ${of} to the next, 1 to 64: one number, or [height, width]${more}.`,
  )

/** Later repeats keep the size that the first one made. */
export const onFirstRepeat = "; repeats after the first have 1"

export const paddingField = withDefault(
  Padding,
  "same",
  "What is at the edges: same pads with zeros (as TensorFlow does), valid uses whole windows only; or pixels of zeros on each side (as PyTorch does).",
)

export const activationField = (usual: ActivationWord, after: string) =>
  withDefault(TunableActivation, usual, activationText(after))

const activationText = (after: string) =>
  `Function that is applied ${after}; a decision of its own for the item.`

/** An activation that may be left out. */
export const optionalActivationField = (after: string) =>
  optional(TunableActivation, activationText(after), { default: "none" })

/** The activation of an item, one decision for all of its repeats. */
export const activationOf = (
  builder: Builder,
  place: BlockPlace,
  value: Tunable<ActivationWord>,
  field = "activation",
): Activation => {
  const chosen = builder.field(place, field, value, "item", anActivation)
  return chosen.decision === null ? chosen.options[0]! : chosen
}

export const dropPathField = optional(
  DropRate,
  "Probability, 0 to below 1, that a residual branch is left out for an example, in training only.",
  { default: 0 },
)

export type ExtentsValue = number | readonly [number, number]

export const pair = (extents: ExtentsValue): readonly [number, number] =>
  typeof extents === "number" ? [extents, extents] : extents

const isWidth = (v: OptionValue): boolean =>
  typeof v === "number" && Number.isInteger(v) && v >= 1 && v <= 65_536
export const aWidth: OptionRule<number> = {
  what: "a whole number from 1 to 65536",
  test: isWidth,
  role: "architecture",
  fallback: 8,
}
export const aDepth: OptionRule<number> = {
  what: "a whole number from 0 to 256",
  test: (v) => typeof v === "number" && Number.isInteger(v) && v >= 0 && v <= 256,
  role: "architecture",
  fallback: 1,
}
const isOdd = (v: unknown): boolean =>
  typeof v === "number" && Number.isInteger(v) && v >= 1 && v <= 64 && v % 2 === 1
export const aKernel: OptionRule<ExtentsValue> = {
  what: "an odd number up to 63, or a pair of them (a smaller kernel is the centre of the largest)",
  test: (v) => (Array.isArray(v) ? v.length === 2 && v.every(isOdd) : isOdd(v)),
  role: "architecture",
  fallback: 3,
}

/** The two extents of a kernel field as quantities. */
export const kernelOf = (
  builder: Builder,
  place: BlockPlace,
  value: Tunable<ExtentsValue>,
  per: "item" | "repeat",
): readonly [Quantity, Quantity] => {
  const chosen: DecidedField<ExtentsValue> = builder.field(place, "kernel", value, per, aKernel)
  return [builder.quantity(chosen, (k) => pair(k)[0]), builder.quantity(chosen, (k) => pair(k)[1])]
}

export const square = (k: number): readonly [Quantity, Quantity] => [constant(k), constant(k)]
