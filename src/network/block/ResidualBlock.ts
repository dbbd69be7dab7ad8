/** `residual`: a sum around any items, the general form of `basic` and `bottleneck` (arXiv 1512.03385, figure 2). */
import { Schema } from "effect"
import { field, optional, withDefault } from "../../declaration/Field.ts"
import { maximum, type Quantity } from "../../space/Quantity.ts"
import { itemName, type Tunable } from "../../space/Tunable.ts"
import type { Builder } from "../Builder.ts"
import type { BlockPlace } from "../Decisions.ts"
import { buildItems } from "../Items.ts"
import { describeShape, outputSizes, sameShape, sameWidth, type Value } from "../Shape.ts"
import {
  activationOf,
  type ActivationWord,
  aDepth,
  defineBlock,
  dropPathField,
  optionalActivationField,
  repeatsField,
  square,
} from "./Block.ts"

type Shortcut = "auto" | "identity" | "projection"

interface Fields {
  readonly name?: string
  readonly items: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly shortcut: Shortcut
  readonly activation?: Tunable<ActivationWord>
  readonly repeats: Tunable<number>
  readonly layerScale?: number
  readonly dropPath?: number
}

/** The stride that makes `to` pixels of `from`, under every size of the input. */
const strideOf = (from: Quantity, to: Quantity): number | undefined => {
  const stride = Math.ceil(maximum(from) / maximum(to))
  return stride <= 64 && sameWidth(outputSizes(from, 1, stride, "same"), to) ? stride : undefined
}

/** A 1x1 convolution from the shape of one value to that of another. */
const project = (builder: Builder, place: BlockPlace, x: Value, y: Value): Value => {
  const [from, to] = [
    builder.image(place, x, "a projection"),
    builder.image(place, y, "a projection"),
  ]
  const [down, right] = [strideOf(from.height, to.height), strideOf(from.width, to.width)]
  if (down === undefined || right === undefined)
    return builder.stop(
      place.at,
      `no stride of a projection makes ${describeShape(y.shape)} of ${describeShape(x.shape)}; use padding: same in the items`,
    )
  return builder.conv(place, x, {
    name: "projection",
    filters: to.channels,
    kernel: square(1),
    stride: [down, right],
    padding: "same",
    norm: "batch",
    activation: "none",
  })
}

export const ResidualBlock = defineBlock<Fields>({
  kind: "residual",
  stage: true,
  spec: (item) =>
    Schema.Struct({
      name: itemName("stageN, counted from 1"),
      items: field(
        Schema.Array(item).check(Schema.isMinLength(1)),
        "Items from the input to the sum, top to bottom; the same ones in every repeat.",
        { examples: [[{ conv: { filters: 16, kernel: 3 } }]] },
      ),
      shortcut: withDefault(
        Schema.Literals(["auto", "identity", "projection"]),
        "auto",
        "What is added: the input (identity), a 1x1 convolution of it with batch norm (projection, in repeat 0), or the convolution where the shapes differ (auto).",
      ),
      activation: optionalActivationField("to the sum"),
      repeats: repeatsField,
      layerScale: optional(
        Schema.Finite.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(1)),
        "What a trained factor for each channel of the result of the items begins with, above 0, at most 1. Default: there is none.",
        { examples: [0.000001] },
      ),
      dropPath: dropPathField,
    }).annotate({
      identifier: "Residual",
      description:
        "Items and a shortcut around them, added; layers those of the items, and projection.",
    }),
  build: (builder, place, fields, input) => {
    const repeats = builder.field(place, "repeats", fields.repeats, "item", aDepth)
    const activation = activationOf(builder, place, fields.activation ?? "none")
    return builder.repeat(place, repeats, input, (inner, x, r) => {
      const y = buildItems(builder, fields.items, [...place.at, "items"], x, inner)
      const { dropPath = 0, layerScale, shortcut } = fields
      const scaled =
        layerScale === undefined
          ? y
          : builder.push({
              operation: "layerScale",
              path: `${inner.path}.layerScale`,
              inputs: [y.node],
              shape: y.shape,
              inputChannels: y.shape.channels,
              initial: layerScale,
            })
      const isProjected =
        shortcut === "projection" ? r === 0 : shortcut === "auto" && !sameShape(x.shape, y.shape)
      const around = isProjected && !builder.broken ? project(builder, inner, x, y) : x
      const branch = builder.dropPath(inner.path, scaled, dropPath)
      const sum = builder.add(inner, `${inner.path}.add`, branch, around)
      return builder.activation(inner, inner.path, sum, activation)
    })
  },
})
