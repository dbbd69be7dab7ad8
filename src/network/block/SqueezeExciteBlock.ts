/** `squeezeExcite`: every channel times a gate made of the means of all (Hu et al., arXiv 1709.01507, section 3). */
import { Schema } from "effect"
import { withDefault } from "../../declaration/Field.ts"
import { combine, type Quantity } from "../../space/Quantity.ts"
import { itemName, tunable } from "../../space/Tunable.ts"
import type { Builder } from "../Builder.ts"
import type { OptionRule } from "../Decisions.ts"
import type { SqueezeExciteNode } from "../Graph.ts"
import type { Value } from "../Shape.ts"
import { multipleOf8 } from "../Width.ts"
import { defineBlock } from "./Block.ts"

export const Gate = Schema.Literals(["sigmoid", "hardSigmoid"])
export const SeRounding = Schema.Literals(["floor", "multipleOf8"])

/** Of the two dense layers. */
export interface Excite {
  /** Inner width over `channels`. */
  readonly ratio: Quantity
  readonly channels: Quantity
  readonly gate: typeof Gate.Type
  readonly rounding: typeof SeRounding.Type
  readonly activation: SqueezeExciteNode["activation"]
}

/** Floored, at least 1, then to a multiple of 8 where that is asked for. */
const squeezed = (ratio: number, channels: number, rounding: typeof SeRounding.Type): number => {
  const floored = Math.max(1, Math.floor(ratio * channels + 1e-9))
  return rounding === "floor" ? floored : multipleOf8(floored)
}

export const excite = (builder: Builder, path: string, value: Value, options: Excite): Value => {
  const { activation, channels, gate, ratio, rounding } = options
  return builder.push({
    operation: "squeezeExcite",
    path,
    inputs: [value.node],
    shape: value.shape,
    inputChannels: value.shape.channels,
    inner: combine([ratio, channels], ([share, all]) => squeezed(share!, all!, rounding)),
    activation,
    ...(gate === "sigmoid" ? {} : { gate }),
  })
}

const Ratio = Schema.Finite.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(1))
const aRatio: OptionRule<number> = {
  what: "a number above 0, at most 1",
  test: (v) => typeof v === "number" && v > 0 && v <= 1,
  role: "architecture",
  fallback: 0.25,
}

const activations = ["relu", "relu6", "swish", "silu", "hardSwish"] as const

const SqueezeExciteSpec = Schema.Struct({
  name: itemName("squeezeExcite"),
  ratio: withDefault(
    tunable(Ratio, "TunableSqueeze", [0.25, 0.5]),
    0.25,
    "Width between the two dense layers over the channels, above 0, at most 1; a decision of its own for the item.",
  ),
  rounding: withDefault(
    SeRounding,
    "floor",
    "How that width becomes whole: floored, at least 1, or then to a multiple of 8 as in MobileNetV3.",
  ),
  activation: withDefault(
    Schema.Literals(activations),
    "relu",
    "Function between the two dense layers.",
  ),
  gate: withDefault(Gate, "sigmoid", "Function after the second dense layer."),
}).annotate({
  identifier: "SqueezeExcite",
  description:
    "Every channel times a gate that two small dense layers make of the means of all channels. No layer; costs nothing.",
})

export const SqueezeExciteBlock = defineBlock({
  kind: "squeezeExcite",
  stage: false,
  spec: () => SqueezeExciteSpec,
  build: (builder, place, fields, input) => {
    const { channels } = builder.image(place, input, "squeezeExcite")
    const ratio = builder.field(place, "ratio", fields.ratio, "item", aRatio)
    return excite(builder, place.path, input, {
      channels,
      ratio: builder.quantity(ratio, (n) => n),
      gate: fields.gate,
      rounding: fields.rounding,
      activation: fields.activation === "silu" ? "swish" : fields.activation,
    })
  },
})
