/** `dense`: a fully connected layer with its bias, norm and activation. */
import { Schema } from "effect"
import { field, optional } from "../../declaration/Field.ts"
import { constant } from "../../space/Quantity.ts"
import { itemName, tunable } from "../../space/Tunable.ts"
import { activationOf, aWidth, defineBlock, optionalActivationField, Width } from "./Block.ts"
import { biasField, VectorNorm } from "./NormFields.ts"

const DenseSpec = Schema.Struct({
  name: itemName("dense"),
  units: field(
    Schema.Union([tunable(Width, "TunableUnits", [64, 128]), Schema.Literal("classes")]),
    "Outputs, 1 to 65536: a number, or a decision of its own; classes gives one for each class of the space.",
    { examples: ["classes", 128] },
  ),
  norm: optional(VectorNorm, "What follows the product: batch, layer, or none, and then a bias.", {
    default: "none",
  }),
  bias: biasField,
  activation: optionalActivationField("after bias and norm"),
}).annotate({
  identifier: "Dense",
  description: "A fully connected layer; `units: classes` gives the logits.",
})

export const DenseBlock = defineBlock<typeof DenseSpec.Type>({
  kind: "dense",
  stage: false,
  spec: () => DenseSpec,
  build: (builder, place, fields, input) => {
    if (input.shape.kind !== "vector")
      return builder.stop(
        place.at,
        input.shape.kind === "image"
          ? "dense needs a vector but gets an image; put globalAveragePool: {} or flatten: {} before it"
          : "dense needs a vector but gets tokens; put takeClassToken: {} or tokenMean: {} before it",
      )
    const { activation = "none", bias, norm, units } = fields
    return builder.dense(place, input, {
      units:
        units === "classes"
          ? constant(builder.options.classes)
          : builder.quantity(builder.field(place, "units", units, "item", aWidth), (n) => n),
      bias,
      norm,
      activation: activationOf(builder, place, activation),
    })
  },
})
