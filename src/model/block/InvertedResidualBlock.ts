/** `invertedResidual`: expand, depthwise, project (MobileNetV2, arXiv 1801.04381, figure 3d). */
import { Schema } from "effect"
import { withDefault } from "../../declaration/Field.ts"
import { combine, constant, isConstant } from "../../space/Quantity.ts"
import { Name, tunable } from "../../space/Tunable.ts"
import { sameShape } from "../Shape.ts"
import {
  ActivationField,
  aDepth,
  aWidth,
  defineBlock,
  kernelOf,
  pair,
  square,
  Stride,
  TunableKernel,
  TunableRepeats,
  TunableWidth,
} from "./Block.ts"

const Expansion = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 64 }))

const InvertedResidualSpec = Schema.Struct({
  name: Schema.optionalKey(Name),
  filters: TunableWidth,
  repeats: withDefault(TunableRepeats, 1),
  kernel: withDefault(TunableKernel, 3),
  expansion: withDefault(tunable(Expansion, "TunableExpansion"), 6),
  stride: withDefault(Stride, 1),
  activation: withDefault(ActivationField, "relu6"),
}).annotate({
  identifier: "InvertedResidual",
  description:
    "Layers expand (none at expansion 1), depthwise, project; the stride is on the first depthwise.",
})

const anExpansion = {
  what: "a whole number from 1 to 64; 1 may not stand beside others, for the expand layer would appear and vanish",
  test: (v: unknown) => typeof v === "number" && Number.isInteger(v) && v >= 1 && v <= 64,
  fallback: 6,
}

const plain = { padding: "same", norm: "batch" } as const
const unit = [1, 1] as const

export const InvertedResidualBlock = defineBlock<typeof InvertedResidualSpec.Type>({
  kind: "invertedResidual",
  stage: true,
  spec: () => InvertedResidualSpec,
  build: (builder, scope, fields, input) => {
    const filters = builder.width(
      scope,
      "filters",
      builder.field(scope, "filters", fields.filters, "item", aWidth),
    )
    const repeats = builder.field(scope, "repeats", fields.repeats, "item", aDepth)
    const { activation } = fields
    return builder.repeat(scope, repeats, input, (inner, x, r) => {
      const chosen = builder.field(inner, "expansion", fields.expansion, "repeat", anExpansion)
      if (chosen.options.length > 1 && chosen.options.includes(1))
        builder.problem(
          [...scope.at, "expansion"],
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
      const y = builder.conv(inner, deep, {
        name: "project",
        filters,
        kernel: [constant(1), constant(1)],
        stride: unit,
        activation: "none",
        ...plain,
      })
      return sameShape(x.shape, y.shape) ? builder.add(inner, `${inner.path}.add`, y, x) : y
    })
  },
})
