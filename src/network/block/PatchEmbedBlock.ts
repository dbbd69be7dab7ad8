/** `patchEmbed`: square patches of an image become tokens (vision transformers, arXiv 2010.11929, figure 1). */
import { Schema } from "effect"
import { field, withDefault } from "../../declaration/Field.ts"
import { constant, isConstant, map, maximum } from "../../space/Quantity.ts"
import { itemName } from "../../space/Tunable.ts"
import { defineBlock } from "./Block.ts"
import { aHeads, between, headsOf, TunableHeads } from "./TokenFields.ts"

const PatchEmbedSpec = Schema.Struct({
  name: itemName("patchEmbed"),
  patch: field(
    between(1, 1024),
    "Side of a patch in pixels, 1 to 1024; it divides height and width of the input.",
    { examples: [16] },
  ),
  heads: field(
    TunableHeads,
    "Attention heads, 1 to 256; the width of the tokens is heads x headDim. A decision of its own for the item.",
  ),
  headDim: withDefault(between(1, 1024), 64, "Width of one attention head, 1 to 1024."),
  classToken: withDefault(
    Schema.Boolean,
    true,
    "Whether a learned token stands before those of the patches, for takeClassToken.",
  ),
}).annotate({
  identifier: "PatchEmbed",
  description:
    "Cuts square patches, one token each; the width is heads x headDim. One layer; adds learned positions.",
})

export const PatchEmbedBlock = defineBlock<typeof PatchEmbedSpec.Type>({
  kind: "patchEmbed",
  stage: false,
  spec: () => PatchEmbedSpec,
  build: (builder, place, { patch, headDim, classToken, ...fields }, input) => {
    const shape = builder.image(place, input, "patchEmbed")
    if (!isConstant(shape.height) || !isConstant(shape.width))
      builder.stop(
        place.at,
        "patchEmbed has a position for each patch, so the input size cannot be searched; fix input.height and input.width",
      )
    const [height, width] = [maximum(shape.height), maximum(shape.width)]
    if (height % patch !== 0 || width % patch !== 0)
      builder.stop(
        [...place.at, "patch"],
        `${height} x ${width} does not part into patches of ${patch} x ${patch}; use a divisor of both`,
      )
    const heads = headsOf(
      builder,
      place,
      builder.field(place, "heads", fields.heads, "item", aHeads),
    )
    const patches = builder.conv(place, input, {
      filters: map(heads, (n) => n * headDim),
      kernel: [constant(patch), constant(patch)],
      stride: [patch, patch],
      padding: "valid",
      norm: "none",
      activation: "none",
    })
    const { channels } = patches.shape
    const count = (height / patch) * (width / patch)
    return builder.push({
      operation: "embedTokens",
      path: `${place.path}.tokens`,
      inputs: [patches.node],
      shape: {
        kind: "tokens",
        tokens: count + (classToken ? 1 : 0),
        headDim,
        classToken,
        channels,
      },
      inputChannels: channels,
      classToken,
    })
  },
})
