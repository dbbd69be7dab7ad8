/** `dropout`: elements become 0 at random, in training only (Srivastava et al. 2014). */
import { Schema } from "effect"
import { field } from "../../declaration/Field.ts"
import { itemName } from "../../space/Tunable.ts"
import { defineBlock, DropRate } from "./Block.ts"

const DropoutSpec = Schema.Struct({
  name: itemName("dropout"),
  rate: field(DropRate, "Probability of each element to become 0, 0 to below 1.", {
    examples: [0.2],
  }),
}).annotate({
  identifier: "Dropout",
  description: "Each element is 0 with probability `rate`, in training only.",
})

export const DropoutBlock = defineBlock({
  kind: "dropout",
  stage: false,
  spec: () => DropoutSpec,
  build: (builder, place, { rate }, input) =>
    rate === 0 ? input : builder.drop("dropout", place.path, input, rate),
})
