/** `invertedResidual`: expand, depthwise, project (MobileNetV2, arXiv 1801.04381, figure 3d), squeeze-excite between the
 * last two where asked for (EfficientNet, arXiv 1905.11946). */
import { Schema } from "effect"
import { optional, withDefault } from "../../declaration/Field.ts"
import { combine, constant, ofDecision, type Quantity } from "../../space/Quantity.ts"
import { itemName, tunable } from "../../space/Tunable.ts"
import type { Builder } from "../Builder.ts"
import type { BlockPlace, OptionRule } from "../Decisions.ts"
import type { Activation } from "../NetworkNodes.ts"
import { sameShape, sameWidth, type Value } from "../Shape.ts"
import {
  activationField,
  activationOf,
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
  Width,
} from "./Block.ts"
import { excite, Gate, SeRounding } from "./SqueezeExciteBlock.ts"

const Expansion = Schema.Finite.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(64))

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
    "Inner width over input channels, above 0, at most 64, the product rounded; 1 leaves the expand layer out. A decision of its own for each repeat.",
  ),
  hidden: optional(
    tunable(Width, "TunableHidden", [64, 128]),
    "Inner width, 1 to 65536, in place of an expansion. A decision of its own for each repeat. Default: that of the expansion.",
  ),
  expand: optional(
    Schema.Literals(["auto", "always"]),
    "Whether there is an expand layer: where the inner width is not that of the input (auto), or always.",
    { default: "auto" },
  ),
  stride: strideField("the depthwise kernel", onFirstRepeat),
  activation: activationField("relu6", "after expand and depthwise; project has none"),
  seRatio: optional(
    tunable(SeRatio, "TunableSeRatio", [0.25, 0.5]),
    "Squeeze-excite: its width over the block's input channels, 0 to 1; 0 leaves it out. A decision of its own for each repeat.",
    { default: 0 },
  ),
  seOf: optional(
    Schema.Literals(["input", "hidden"]),
    "Whether seRatio is a share of the block's input channels, or of its inner width.",
    { default: "input" },
  ),
  seRounding: optional(
    SeRounding,
    "How the width of squeeze-excite becomes whole: floored, at least 1, or then to a multiple of 8 as in MobileNetV3.",
    { default: "floor" },
  ),
  seGate: optional(Gate, "Function that makes the gates of squeeze-excite.", {
    default: "sigmoid",
  }),
  dropPath: dropPathField,
}).annotate({
  identifier: "InvertedResidual",
  description:
    "Layers expand (none at expansion 1), depthwise, project; the stride is on the first depthwise.",
})

const anExpansion: OptionRule<number> = {
  what: "a number above 0, at most 64",
  test: (v) => typeof v === "number" && v > 0 && v <= 64,
  role: "architecture",
  fallback: 6,
}

const aRatio: OptionRule<number> = {
  what: "a number from 0 to 1",
  test: (v) => typeof v === "number" && v >= 0 && v <= 1,
  role: "architecture",
  fallback: 0.25,
}

const plain = { padding: "same", norm: "batch" } as const
const unit = [1, 1] as const

type Fields = typeof InvertedResidualSpec.Type

/** The inner width, and the options of its decision at which there is no expand layer: all, where nothing is decided. */
interface Hidden {
  readonly width: Quantity
  readonly decision: number | null
  readonly without: ReadonlyArray<number>
}

const hiddenOf = (builder: Builder, place: BlockPlace, x: Value, fields: Fields): Hidden => {
  const { channels } = x.shape
  const always = fields.expand === "always"
  if (fields.hidden !== undefined) {
    if (fields.expansion !== 6)
      builder.problem([...place.at, "hidden"], "stands beside expansion; give one of the two")
    const chosen = builder.field(place, "hidden", fields.hidden, "repeat", aWidth)
    const width = builder.widths.of(place, "hidden", chosen)
    const isSame = !always && sameWidth(width, channels)
    return { width, decision: null, without: isSame ? [0] : [] }
  }
  const { decision, options } = builder.field(
    place,
    "expansion",
    fields.expansion,
    "repeat",
    anExpansion,
  )
  const expansion = builder.quantity({ decision, options }, (n) => n)
  const width = combine([expansion, channels], ([e, c]) => Math.max(1, Math.round(e! * c!)))
  const without = options.flatMap((option, i) => (option === 1 && !always ? [i] : []))
  return { width, decision, without }
}

/** The expand layer, under those options that have one. */
const expand = (
  builder: Builder,
  place: BlockPlace,
  x: Value,
  { decision, width, without }: Hidden,
  activation: Activation,
): Value => {
  const layer = (inner: BlockPlace, value: Value): Value =>
    builder.conv(inner, value, {
      name: "expand",
      filters: width,
      kernel: square(1),
      stride: unit,
      activation,
      ...plain,
    })
  if (without.length === 0) return layer(place, x)
  if (decision === null) return x
  const sizes = builder.decisions[decision]!.options
  const others = [...sizes.keys()].filter((option) => !without.includes(option))
  const results = builder.parts(place, decision, [others, without], (inner, part) =>
    part === 0
      ? layer(inner, builder.enter(`${place.path}.expand`, x))
      : builder.enter(`${place.path}.unexpanded`, x, { ...x.shape, channels: width }),
  )
  const option = ofDecision(
    decision,
    sizes.map((_, i) => (without.includes(i) ? 1 : 0)),
  )
  return builder.select(`${place.path}.expanded`, results, option)
}

/** Squeeze-excite, under those options that have it. */
const gated = (
  builder: Builder,
  place: BlockPlace,
  { x, deep }: { readonly x: Value; readonly deep: Value },
  { activation, seGate, seOf, seRatio = 0, seRounding }: Fields,
): Value => {
  const chosen = builder.field(place, "seRatio", seRatio, "repeat", aRatio)
  const { decision, options } = chosen
  const choices = options.flatMap((option, i) => (option === 0 ? [] : [i]))
  if (choices.length === 0) return deep
  const path = `${place.path}.squeezeExcite`
  const excited = (value: Value): Value =>
    excite(builder, path, value, {
      ratio: builder.quantity(chosen, (share) => share),
      channels: seOf === "hidden" ? deep.shape.channels : x.shape.channels,
      gate: seGate ?? "sigmoid",
      rounding: seRounding ?? "floor",
      activation: activation === "swish" || activation === "silu" ? "swish" : "relu",
    })
  if (decision === null || choices.length === options.length) return excited(deep)
  return builder.optional(place, path, deep, { decision, choices }, (_inner, value) =>
    excited(value),
  )
}

export const InvertedResidualBlock = defineBlock<Fields>({
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
    const activation = activationOf(builder, place, fields.activation)
    return builder.repeat(place, repeats, input, (inner, x, r) => {
      const hidden = hiddenOf(builder, inner, x, fields)
      const expanded = expand(builder, inner, x, hidden, activation)
      const deep = builder.conv(inner, expanded, {
        name: "depthwise",
        kernel: kernelOf(builder, inner, fields.kernel, "repeat"),
        stride: r === 0 ? pair(fields.stride) : unit,
        activation,
        ...plain,
      })
      const y = builder.conv(inner, gated(builder, inner, { x, deep }, fields), {
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
