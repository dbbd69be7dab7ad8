/** `conv` and `depthwiseConv`: one convolution with its norm and activation. */
import { Schema } from "effect"
import { withDefault } from "../../declaration/Field.ts"
import { otherNames, withOtherNames } from "../../declaration/OtherNames.ts"
import { itemName } from "../../space/Tunable.ts"
import {
  activationField,
  aWidth,
  defineBlock,
  filtersField,
  kernelField,
  kernelOf,
  paddingField,
  pair,
  strideField,
} from "./Block.ts"

const shared = (kind: string) => ({
  name: itemName(kind),
  kernel: kernelField,
  stride: strideField("the kernel"),
  padding: paddingField,
  norm: withDefault(
    withOtherNames(
      Schema.Literals(["batch", "none"]),
      otherNames({
        what: "norm",
        same: {
          batch: "batchNorm bn batchNorm2d batchNormalization",
          none: "off no identity bias",
        },
        near: {
          batch: "group groupNorm gn instance instanceNorm in layer layerNorm ln rms rmsNorm",
        },
      }),
    ),
    "batch",
    "What follows the convolution: a batch norm, or none, and then a bias.",
  ),
  activation: activationField("relu", "after norm or bias"),
})

const ConvSpec = Schema.Struct({
  ...shared("conv"),
  filters: filtersField("Output channels"),
  widthScaling: withDefault(
    Schema.Literals(["normal", "upOnly", "none"]),
    "normal",
    "Whether widthMultiplier scales the filters: always, only where it is above 1 (upOnly), or never (none).",
  ),
}).annotate({ identifier: "Conv", description: "One convolution, its norm and its activation." })

export const ConvBlock = defineBlock({
  kind: "conv",
  stage: false,
  spec: () => ConvSpec,
  build: (builder, place, fields, input) =>
    builder.conv(place, input, {
      filters: builder.widths.of(
        place,
        "filters",
        builder.field(place, "filters", fields.filters, "item", aWidth),
        fields.widthScaling,
      ),
      kernel: kernelOf(builder, place, fields.kernel, "item"),
      stride: pair(fields.stride),
      padding: fields.padding,
      norm: fields.norm,
      activation: fields.activation,
    }),
})

const DepthwiseConvSpec = Schema.Struct(shared("depthwiseConv")).annotate({
  identifier: "DepthwiseConv",
  description: "One depthwise convolution, its norm and its activation.",
})

export const DepthwiseConvBlock = defineBlock({
  kind: "depthwiseConv",
  stage: false,
  spec: () => DepthwiseConvSpec,
  build: (builder, place, fields, input) =>
    builder.conv(place, input, {
      kernel: kernelOf(builder, place, fields.kernel, "item"),
      stride: pair(fields.stride),
      padding: fields.padding,
      norm: fields.norm,
      activation: fields.activation,
    }),
})
