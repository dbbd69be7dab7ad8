/** `dropout`: elements become 0 at random, in training only (Srivastava et al. 2014). */
import { Schema } from "effect"
import { Name } from "../../space/Tunable.ts"
import { defineBlock, DropRate } from "./Block.ts"

const DropoutSpec = Schema.Struct({
  name: Schema.optionalKey(Name),
  rate: DropRate,
}).annotate({
  identifier: "Dropout",
  description: "Each element is 0 with probability `rate`, in training only.",
})

export const DropoutBlock = defineBlock({
  kind: "dropout",
  stage: false,
  spec: () => DropoutSpec,
  build: (builder, scope, { rate }, input) =>
    rate === 0 ? input : builder.drop("dropout", scope.path, input, rate),
})
