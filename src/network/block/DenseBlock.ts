/** `dense`: a fully connected layer with bias. */
import { Schema } from "effect"
import { field } from "../../declaration/Field.ts"
import { constant } from "../../space/Quantity.ts"
import { itemName } from "../../space/Tunable.ts"
import { defineBlock, Width } from "./Block.ts"

const DenseSpec = Schema.Struct({
  name: itemName("dense"),
  units: field(
    Schema.Union([Width, Schema.Literal("classes")]),
    "Outputs, 1 to 65536; classes gives one for each class of the space.",
    { examples: ["classes", 128] },
  ),
}).annotate({
  identifier: "Dense",
  description: "A fully connected layer; `units: classes` gives the logits.",
})

export const DenseBlock = defineBlock({
  kind: "dense",
  stage: false,
  spec: () => DenseSpec,
  build: (builder, place, fields, input) => {
    if (input.shape.kind !== "vector")
      return builder.stop(
        place.at,
        input.shape.kind === "image"
          ? "dense needs a vector but gets an image; put globalAveragePool: {} before it"
          : "dense needs a vector but gets tokens; put takeClassToken: {} or tokenMean: {} before it",
      )
    const units = fields.units === "classes" ? builder.options.classes : fields.units
    return builder.dense(place, input, { units: constant(units) })
  },
})
