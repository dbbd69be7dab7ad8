/** The norm and the bias of a layer, as fields. */
import { Schema } from "effect"
import { optional, withDefault } from "../../declaration/Field.ts"
import { otherNames, withOtherNames } from "../../declaration/OtherNames.ts"

const names = otherNames({
  what: "norm",
  same: {
    batch: "batchNorm bn batchNorm2d batchNormalization",
    layer: "layerNorm ln",
    group: "groupNorm gn",
    none: "off no identity bias",
  },
  near: { group: "instance instanceNorm in", layer: "rms rmsNorm" },
})

export const ImageNorm = withOtherNames(Schema.Literals(["batch", "layer", "group", "none"]), names)
export const VectorNorm = withOtherNames(Schema.Literals(["batch", "layer", "none"]), names)

const Groups = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_536 }))

export const normField = withDefault(
  ImageNorm,
  "batch",
  "What follows the convolution: batch, layer (over the channels of each pixel), group, or none, and then a bias.",
)

export const normGroupsField = optional(
  Groups,
  "Groups of a group norm, a divisor of the channels.",
  { default: 32 },
)

export const biasField = optional(
  Schema.Boolean,
  "Whether a bias is added to the product, before the norm. Default: where there is no norm.",
)

/** Parts of the channels that are convolved alone. */
export const groupsField = optional(
  Groups,
  "Parts of the input and output channels, each convolved alone; a divisor of both.",
  { default: 1 },
)
