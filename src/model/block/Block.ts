/**
 * What a block is: a kind, the schema of its fields, and how it lowers to layers and nodes.
 *
 * To add one: a file beside this, an entry in `Blocks.ts`, a test. In here too: the field schemas that several share.
 */
import { Schema } from "effect"
import { otherNames, withOtherNames } from "../../declaration/OtherNames.ts"
import { tunable, type Tunable } from "../../space/Tunable.ts"
import type { OptionValue } from "../../space/Decision.ts"
import { constant, type Quantity } from "../../space/Quantity.ts"
import type { Builder, Value } from "../Builder.ts"
import type { Accepts, Chosen, Scope } from "../Choosing.ts"

export interface Block<Fields = unknown> {
  readonly kind: string
  /** The schema of its fields; `item` is the schema of one network item, for blocks that hold items. */
  readonly spec: (item: Schema.Codec<unknown, unknown>) => Schema.ConstraintDecoder<Fields>
  /** True when unnamed ones are called `stageN` and their repeats `stageN.0`, `stageN.1`, ... */
  readonly stage: boolean
  readonly build: (builder: Builder, scope: Scope, fields: Fields, input: Value) => Value
}

/** A block whose fields only its own schema knows: what the list holds. */
export const defineBlock = <Fields>(block: Block<Fields>): Block => block as never

const between = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))

export const Width = between(1, 65_536).annotate({ identifier: "Width" })
export const TunableWidth = tunable(Width, "TunableWidth")
export const TunableRepeats = tunable(between(1, 256), "TunableRepeats")
const Extent = between(1, 64)
export const Extents = Schema.Union([Extent, Schema.Tuple([Extent, Extent])]).annotate({
  identifier: "Extents",
})
export const TunableKernel = tunable(Extents, "TunableKernel")
export const Stride = Schema.Union([Extent, Schema.Tuple([Extent, Extent])]).annotate({
  identifier: "Stride",
})

/** Probability of being dropped: of an element, or of a residual branch of one example. */
export const DropRate = Schema.Finite.check(
  Schema.isGreaterThanOrEqualTo(0),
  Schema.isLessThan(1),
).annotate({ identifier: "DropRate" })

export const PaddingField = withOtherNames(
  Schema.Literals(["same", "valid"]),
  otherNames({
    what: "padding",
    same: { valid: "none no" },
    near: { same: "full zero zeros reflect replicate circular causal constant" },
  }),
)
export const ActivationField = withOtherNames(
  Schema.Literals(["relu", "relu6", "swish", "gelu", "none"]),
  otherNames({
    what: "activation",
    same: { swish: "silu sil", none: "linear identity id off", gelu: "geluErf" },
    near: {
      relu: "leakyRelu lrelu prelu rrelu crelu elu selu celu threshold softplus hardtanh tanh sigmoid softmax",
      swish: "hardSwish hSwish hardSigmoid hSigmoid mish",
      gelu: "quickGelu geluTanh geluNew glu swiglu geglu",
    },
  }),
)

export type ExtentsValue = number | readonly [number, number]

export const pair = (extents: ExtentsValue): readonly [number, number] =>
  typeof extents === "number" ? [extents, extents] : extents

const isWidth = (v: OptionValue): boolean =>
  typeof v === "number" && Number.isInteger(v) && v >= 1 && v <= 65_536
export const aWidth: Accepts<number> = {
  what: "a whole number from 1 to 65536",
  test: isWidth,
  role: "architecture",
  fallback: 8,
}
export const aDepth: Accepts<number> = {
  what: "a whole number from 1 to 256",
  test: (v) => typeof v === "number" && Number.isInteger(v) && v >= 1 && v <= 256,
  role: "architecture",
  fallback: 1,
}
const isOdd = (v: unknown): boolean =>
  typeof v === "number" && Number.isInteger(v) && v >= 1 && v <= 64 && v % 2 === 1
export const aKernel: Accepts<ExtentsValue> = {
  what: "an odd number up to 63, or a pair of them (a smaller kernel is the centre of the largest)",
  test: (v) => (Array.isArray(v) ? v.length === 2 && v.every(isOdd) : isOdd(v)),
  role: "architecture",
  fallback: 3,
}

/** The two extents of a kernel field as quantities. */
export const kernelOf = (
  builder: Builder,
  scope: Scope,
  value: Tunable<ExtentsValue>,
  per: "item" | "repeat",
): readonly [Quantity, Quantity] => {
  const chosen: Chosen<ExtentsValue> = builder.field(scope, "kernel", value, per, aKernel)
  return [builder.quantity(chosen, (k) => pair(k)[0]), builder.quantity(chosen, (k) => pair(k)[1])]
}

export const square = (k: number): readonly [Quantity, Quantity] => [constant(k), constant(k)]
