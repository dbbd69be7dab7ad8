/** `conv` and `depthwiseConv`: one convolution with its norm and activation. */
import { Schema } from "effect"
import { withDefault } from "../../declaration/Field.ts"
import { otherNames, withOtherNames } from "../../declaration/OtherNames.ts"
import { Name } from "../../space/Tunable.ts"
import {
  ActivationField,
  aWidth,
  defineBlock,
  kernelOf,
  PaddingField,
  pair,
  Stride,
  TunableKernel,
  TunableWidth,
} from "./Block.ts"

const shared = {
  name: Schema.optionalKey(Name),
  kernel: TunableKernel,
  stride: withDefault(Stride, 1),
  padding: withDefault(PaddingField, "same"),
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
  ),
  activation: withDefault(ActivationField, "relu"),
}

const ConvSpec = Schema.Struct({
  ...shared,
  filters: TunableWidth,
  widthScaling: withDefault(Schema.Literals(["normal", "upOnly", "none"]), "normal"),
}).annotate({ identifier: "Conv", description: "One convolution, its norm and its activation." })

export const ConvBlock = defineBlock({
  kind: "conv",
  stage: false,
  spec: () => ConvSpec,
  build: (builder, scope, fields, input) =>
    builder.conv(scope, input, {
      filters: builder.widths.of(
        scope,
        "filters",
        builder.field(scope, "filters", fields.filters, "item", aWidth),
        fields.widthScaling,
      ),
      kernel: kernelOf(builder, scope, fields.kernel, "item"),
      stride: pair(fields.stride),
      padding: fields.padding,
      norm: fields.norm,
      activation: fields.activation,
    }),
})

const DepthwiseConvSpec = Schema.Struct(shared).annotate({
  identifier: "DepthwiseConv",
  description: "One depthwise convolution, its norm and its activation.",
})

export const DepthwiseConvBlock = defineBlock({
  kind: "depthwiseConv",
  stage: false,
  spec: () => DepthwiseConvSpec,
  build: (builder, scope, fields, input) =>
    builder.conv(scope, input, {
      kernel: kernelOf(builder, scope, fields.kernel, "item"),
      stride: pair(fields.stride),
      padding: fields.padding,
      norm: fields.norm,
      activation: fields.activation,
    }),
})
