/** `norm`, `activation`, `identity` and `zero`: items without a layer. */
import { Schema } from "effect"
import { field } from "../../declaration/Field.ts"
import { itemName } from "../../space/Tunable.ts"
import { activationOf, defineBlock, TunableActivation } from "./Block.ts"
import { ImageNorm, normGroupsField } from "./NormFields.ts"

const NormSpec = Schema.Struct({
  name: itemName("norm"),
  kind: field(ImageNorm, "Which norm: batch, layer, group, or none.", { examples: ["layer"] }),
  groups: normGroupsField,
}).annotate({
  identifier: "Norm",
  description:
    "A norm on its own, where none follows a layer: before a convolution, after a pooling.",
})

export const NormBlock = defineBlock<typeof NormSpec.Type>({
  kind: "norm",
  stage: false,
  spec: () => NormSpec,
  build: (builder, place, { groups, kind }, input) => {
    if (input.shape.kind === "tokens")
      return builder.stop(
        place.at,
        "norm needs an image or a vector but gets tokens; use finalNorm: {}",
      )
    return builder.norm(place, place.path, input, {
      norm: kind,
      ...(groups === undefined ? {} : { groups }),
    })
  },
})

const ActivationSpec = Schema.Struct({
  name: itemName("activation"),
  kind: field(
    TunableActivation,
    "Function that is applied to every value; a decision of its own for the item.",
  ),
}).annotate({
  identifier: "Activation",
  description: "An activation on its own, where none follows a layer: before a convolution.",
})

export const ActivationBlock = defineBlock<typeof ActivationSpec.Type>({
  kind: "activation",
  stage: false,
  spec: () => ActivationSpec,
  build: (builder, place, { kind }, input) =>
    builder.activation(place, place.path, input, activationOf(builder, place, kind, "kind")),
})

const named = (kind: string, identifier: string, description: string) =>
  Schema.Struct({ name: itemName(kind) }).annotate({ identifier, description, examples: [{}] })

export const IdentityBlock = defineBlock({
  kind: "identity",
  stage: false,
  spec: () =>
    named(
      "identity",
      "Identity",
      "Passes its input on; as an option of a choice, leaves the part out.",
    ),
  build: (_builder, _place, _fields, input) => input,
})

export const ZeroBlock = defineBlock({
  kind: "zero",
  stage: false,
  spec: () =>
    named(
      "zero",
      "Zero",
      "Zeros in the shape of its input, or of the other options of its choice.",
    ),
  build: (builder, place, _fields, input) => builder.zeros(place.path, input),
})
