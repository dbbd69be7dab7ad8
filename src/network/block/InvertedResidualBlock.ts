/** `invertedResidual`: expand, depthwise, project (MobileNetV2, arXiv 1801.04381, figure 3d), squeeze-excite between the
 * last two where asked for (EfficientNet, arXiv 1905.11946). */
import { Schema } from "effect"
import { optional, withDefault } from "../../declaration/Field.ts"
import { combine, constant, isConstant } from "../../space/Quantity.ts"
import { itemName, tunable } from "../../space/Tunable.ts"
import type { OptionRule } from "../Decisions.ts"
import { sameShape } from "../Shape.ts"
import {
  activationField,
  aDepth,
  aWidth,
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

const Expansion = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 64 }))

/** 0 leaves squeeze-excite out. */
const SeRatio = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

const InvertedResidualSpec = Schema.Struct({
  name: itemName("stageN, counted from 1"),
  filters: filtersField("Output channels"),
  repeats: repeatsField,
  kernel: blockKernelField("the depthwise convolution"),
  expansion: withDefault(
    tunable(Expansion, "TunableExpansion", [3, 6]),
    6,
    "Inner width over input channels, a whole number from 1 to 64; 1 leaves the expand layer out. A decision of its own for each repeat.",
  ),
  stride: strideField("the depthwise kernel", onFirstRepeat),
  activation: activationField("relu6", "after expand and depthwise; project has none"),
  seRatio: optional(
    tunable(SeRatio, "TunableSeRatio", [0.25, 0.5]),
    "Squeeze-excite: inner width over the block's input channels, 0 to 1; 0 leaves it out. A decision of its own for each repeat.",
    { default: 0 },
  ),
  dropPath: dropPathField,
}).annotate({
  identifier: "InvertedResidual",
  description:
    "Layers expand (none at expansion 1), depthwise, project; the stride is on the first depthwise.",
})

const anExpansion: OptionRule<number> = {
  what: "a whole number from 1 to 64; 1 may not stand beside others, for the expand layer would appear and vanish",
  test: (v) => typeof v === "number" && Number.isInteger(v) && v >= 1 && v <= 64,
  role: "architecture",
  fallback: 6,
}

const aRatio: OptionRule<number> = {
  what: "a number from 0 to 1; 0 may not stand beside others, for squeeze-excite would appear and vanish",
  test: (v) => typeof v === "number" && v >= 0 && v <= 1,
  role: "architecture",
  fallback: 0.25,
}

/** Width of the squeeze: a share of the block's input channels, floored, at least 1. */
const squeezed = (ratio: number, channels: number): number =>
  Math.max(1, Math.floor(ratio * channels + 1e-9))

const plain = { padding: "same", norm: "batch" } as const
const unit = [1, 1] as const

export const InvertedResidualBlock = defineBlock<typeof InvertedResidualSpec.Type>({
  kind: "invertedResidual",
  stage: true,
  spec: () => InvertedResidualSpec,
  build: (builder, place, fields, input) => {
    const filters = builder.widths.of(
      place,
      "filters",
      builder.field(place, "filters", fields.filters, "item", aWidth),
    )
    const repeats = builder.field(place, "repeats", fields.repeats, "item", aDepth)
    const { activation } = fields
    return builder.repeat(place, repeats, input, (inner, x, r) => {
      const chosen = builder.field(inner, "expansion", fields.expansion, "repeat", anExpansion)
      if (chosen.options.length > 1 && chosen.options.includes(1))
        builder.problem(
          [...place.at, "expansion"],
          "offers 1 beside other expansions, so the expand layer would appear and vanish; offer 2 and more, or 1 alone",
        )
      const expansion = builder.quantity(chosen, (n) => n)
      const width = combine([expansion, x.shape.channels], ([e, c]) => e! * c!)
      const kernel = kernelOf(builder, inner, fields.kernel, "repeat")
      const stride = r === 0 ? pair(fields.stride) : unit
      const expanded =
        isConstant(expansion) && expansion.values[0] === 1
          ? x
          : builder.conv(inner, x, {
              name: "expand",
              filters: width,
              kernel: square(1),
              stride: unit,
              activation,
              ...plain,
            })
      const deep = builder.conv(inner, expanded, {
        name: "depthwise",
        kernel,
        stride,
        activation,
        ...plain,
      })
      const ratio = builder.field(inner, "seRatio", fields.seRatio ?? 0, "repeat", aRatio)
      if (ratio.options.length > 1 && ratio.options.includes(0))
        builder.problem(
          [...place.at, "seRatio"],
          "offers 0 beside other ratios, so squeeze-excite would appear and vanish; offer ratios above 0, or 0 alone",
        )
      const excited = ratio.options.includes(0)
        ? deep
        : builder.push({
            operation: "squeezeExcite",
            path: `${inner.path}.squeezeExcite`,
            inputs: [deep.node],
            shape: deep.shape,
            inputChannels: deep.shape.channels,
            inner: combine(
              [builder.quantity(ratio, (share) => share), x.shape.channels],
              ([share, channels]) => squeezed(share!, channels!),
            ),
            activation: activation === "swish" ? "swish" : "relu",
          })
      const y = builder.conv(inner, excited, {
        name: "project",
        filters,
        kernel: [constant(1), constant(1)],
        stride: unit,
        activation: "none",
        ...plain,
      })
      if (!sameShape(x.shape, y.shape)) return y
      const branch = builder.dropPath(inner.path, y, fields.dropPath ?? 0)
      return builder.add(inner, `${inner.path}.add`, branch, x)
    })
  },
})
