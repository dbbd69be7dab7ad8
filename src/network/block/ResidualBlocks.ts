/** `basic` and `bottleneck`: the two residual blocks of ResNet (arXiv 1512.03385, figure 5; v1.5: stride on the 3x3). */
import { Schema } from "effect"
import { withDefault } from "../../declaration/Field.ts"
import { constant, map, type Quantity } from "../../space/Quantity.ts"
import { itemName } from "../../space/Tunable.ts"
import type { Builder } from "../Builder.ts"
import type { Activation } from "../NetworkNodes.ts"
import type { Value } from "../Shape.ts"
import { type BlockPlace } from "../Decisions.ts"
import { sameWidth } from "../Shape.ts"
import {
  activationField,
  activationOf,
  aDepth,
  aWidth,
  type Block,
  blockKernelField,
  defineBlock,
  dropPathField,
  filtersField,
  kernelOf,
  onFirstRepeat,
  pair,
  repeatsField,
  square,
  strideField,
} from "./Block.ts"

const fields = (filters: string, kernel: string) => ({
  name: itemName("stageN, counted from 1"),
  filters: filtersField(filters),
  repeats: repeatsField,
  kernel: blockKernelField(kernel),
  stride: strideField("the first kernel larger than 1x1", onFirstRepeat),
  projection: withDefault(
    Schema.Literals(["auto", "always"]),
    "auto",
    "Whether the shortcut of repeat 0 has a 1x1 convolution: only where stride or width ask for one (auto), or always.",
  ),
  activation: activationField(
    "relu",
    "after every convolution; after the last one, behind the sum",
  ),
  dropPath: dropPathField,
})
const BasicSpec = Schema.Struct(fields("Output channels", "both convolutions")).annotate({
  identifier: "Basic",
  description: "Two convolutions and a shortcut; layers conv1, conv2, projection.",
})
const BottleneckSpec = Schema.Struct(
  fields("Inner channels; the output has 4 times as many", "the middle convolution"),
).annotate({
  identifier: "Bottleneck",
  description:
    "1x1, kernel, 1x1 convolutions and a shortcut; layers conv1, conv2, conv3, projection. Output is 4 x filters.",
})
type Fields = typeof BasicSpec.Type

/** The part before the sum: from the block's input to its normed result. */
type Body = (
  builder: Builder,
  place: BlockPlace,
  x: Value,
  width: Quantity,
  kernel: readonly [Quantity, Quantity],
  stride: readonly [number, number],
  activation: Activation,
) => Value

const plain = { padding: "same", norm: "batch" } as const
const unit = [1, 1] as const

const residual =
  (expansion: number, body: Body): Block<Fields>["build"] =>
  (builder, place, f, input) => {
    const filters = builder.widths.of(
      place,
      "filters",
      builder.field(place, "filters", f.filters, "item", aWidth),
    )
    const output = map(filters, (n) => n * expansion)
    const repeats = builder.field(place, "repeats", f.repeats, "item", aDepth)
    const activation = activationOf(builder, place, f.activation)
    return builder.repeat(place, repeats, input, (inner, x, r) => {
      const stride = r === 0 ? pair(f.stride) : unit
      const kernel = kernelOf(builder, inner, f.kernel, "repeat")
      const y = body(builder, inner, x, filters, kernel, stride, activation)
      const project =
        r === 0 &&
        (f.projection === "always" ||
          stride[0] !== 1 ||
          stride[1] !== 1 ||
          !sameWidth(x.shape.channels, output))
      const shortcut = project
        ? builder.conv(inner, x, {
            name: "projection",
            filters: output,
            kernel: square(1),
            stride,
            activation: "none",
            ...plain,
          })
        : x
      return builder.activation(
        inner,
        inner.path,
        builder.add(
          inner,
          `${inner.path}.add`,
          builder.dropPath(inner.path, y, f.dropPath ?? 0),
          shortcut,
        ),
        activation,
      )
    })
  }

export const BasicBlock = defineBlock({
  kind: "basic",
  stage: true,
  spec: () => BasicSpec,
  build: residual(1, (builder, place, x, filters, kernel, stride, activation) => {
    const first = builder.conv(place, x, {
      name: "conv1",
      filters,
      kernel,
      stride,
      activation,
      ...plain,
    })
    return builder.conv(place, first, {
      name: "conv2",
      filters,
      kernel,
      stride: unit,
      activation: "none",
      ...plain,
    })
  }),
})

export const BottleneckBlock = defineBlock({
  kind: "bottleneck",
  stage: true,
  spec: () => BottleneckSpec,
  build: residual(4, (builder, place, x, filters, kernel, stride, activation) => {
    const one = { kernel: [constant(1), constant(1)] as const, stride: unit }
    const a = builder.conv(place, x, { name: "conv1", filters, activation, ...one, ...plain })
    const b = builder.conv(place, a, {
      name: "conv2",
      filters,
      kernel,
      stride,
      activation,
      ...plain,
    })
    return builder.conv(place, b, {
      name: "conv3",
      filters: map(filters, (n) => n * 4),
      activation: "none",
      ...one,
      ...plain,
    })
  }),
})
