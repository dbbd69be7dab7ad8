/** `dense`: a fully connected layer with bias. */
import { Schema } from "effect"
import { Name } from "../../space/Tunable.ts"
import { defineBlock, Width } from "./Block.ts"

const DenseSpec = Schema.Struct({
  name: Schema.optionalKey(Name),
  units: Schema.Union([Width, Schema.Literal("classes")]),
}).annotate({
  identifier: "Dense",
  description: "A fully connected layer; `units: classes` gives the logits.",
})

export const DenseBlock = defineBlock({
  kind: "dense",
  stage: false,
  spec: () => DenseSpec,
  build: (builder, scope, fields, input) =>
    builder.dense(
      scope,
      input,
      fields.units === "classes" ? builder.options.classes : fields.units,
    ),
})
