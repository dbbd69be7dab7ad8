/** `conv` and `depthwiseConv`: one convolution with its norm and activation. */
import { Schema } from "effect"
import { field, optional, withDefault } from "../../declaration/Field.ts"
import { itemName } from "../../space/Tunable.ts"
import type { Builder, ConvOptions } from "../Builder.ts"
import type { BlockPlace } from "../Decisions.ts"
import {
  activationField,
  activationOf,
  aWidth,
  defineBlock,
  Extents,
  kernelField,
  kernelOf,
  paddingField,
  paddingOf,
  pair,
  strideField,
  TunableWidth,
} from "./Block.ts"
import { biasField, groupsField, normField, normGroupsField } from "./NormFields.ts"

const shared = (kind: string) => ({
  name: itemName(kind),
  kernel: kernelField,
  stride: strideField("the kernel"),
  padding: paddingField,
  dilation: optional(
    Extents,
    "Pixels from one element of the kernel to the next, 1 to 64: one number, or [height, width].",
    { default: 1 },
  ),
  norm: normField,
  normGroups: normGroupsField,
  bias: biasField,
  activation: activationField("relu", "after bias and norm"),
})

const ConvSpec = Schema.Struct({
  ...shared("conv"),
  filters: field(
    Schema.Union([TunableWidth, Schema.Literal("same")]),
    "Output channels, 1 to 65536: a number, or a decision of its own for the item; same: as many as the input has.",
    { examples: [16, "same"] },
  ),
  groups: groupsField,
  widthScaling: withDefault(
    Schema.Literals(["normal", "upOnly", "none"]),
    "normal",
    "Whether widthMultiplier scales the filters: always, only where it is above 1 (upOnly), or never (none).",
  ),
}).annotate({ identifier: "Conv", description: "One convolution, its norm and its activation." })

const DepthwiseConvSpec = Schema.Struct(shared("depthwiseConv")).annotate({
  identifier: "DepthwiseConv",
  description: "One depthwise convolution, its norm and its activation.",
})

/** What both take, as the builder reads it. */
const optionsOf = (
  builder: Builder,
  place: BlockPlace,
  fields: typeof DepthwiseConvSpec.Type,
): Omit<ConvOptions, "filters"> => ({
  kernel: kernelOf(builder, place, fields.kernel, "item"),
  stride: pair(fields.stride),
  padding: paddingOf(fields.padding),
  dilation: fields.dilation === undefined ? undefined : pair(fields.dilation),
  norm: fields.norm,
  normGroups: fields.normGroups,
  bias: fields.bias,
  activation: activationOf(builder, place, fields.activation),
})

export const ConvBlock = defineBlock<typeof ConvSpec.Type>({
  kind: "conv",
  stage: false,
  spec: () => ConvSpec,
  build: (builder, place, fields, input) =>
    builder.conv(place, input, {
      filters:
        fields.filters === "same"
          ? builder.image(place, input, "a convolution").channels
          : builder.widths.of(
              place,
              "filters",
              builder.field(place, "filters", fields.filters, "item", aWidth),
              fields.widthScaling,
            ),
      ...optionsOf(builder, place, fields),
      groups: fields.groups,
    }),
})

export const DepthwiseConvBlock = defineBlock({
  kind: "depthwiseConv",
  stage: false,
  spec: () => DepthwiseConvSpec,
  build: (builder, place, fields, input) =>
    builder.conv(place, input, optionsOf(builder, place, fields)),
})
