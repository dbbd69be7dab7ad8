/** `finalNorm`, `takeClassToken`, `tokenMean`: from the tokens of a transformer to a vector. None of them is a layer. */
import { Schema } from "effect"
import { itemName } from "../../space/Tunable.ts"
import { defineBlock } from "./Block.ts"
import { layerNorm, tokensOf } from "./TokenFields.ts"

const Named = (kind: string, identifier: string, description: string) =>
  Schema.Struct({ name: itemName(kind) }).annotate({
    identifier,
    description,
    examples: [{}],
  })

export const FinalNormBlock = defineBlock({
  kind: "finalNorm",
  stage: false,
  spec: () => Named("finalNorm", "FinalNorm", "A layer norm over each token."),
  build: (builder, place, _fields, input) => {
    tokensOf(builder, place, input, "finalNorm")
    return layerNorm(builder, place.path, input)
  },
})

const toVector = (kind: "takeClassToken" | "tokenMean", identifier: string, description: string) =>
  defineBlock({
    kind,
    stage: false,
    spec: () => Named(kind, identifier, description),
    build: (builder, place, _fields, input) => {
      const { channels, classToken } = tokensOf(builder, place, input, kind, {
        image: "use globalAveragePool: {} in its place",
        vector: "remove it",
      })
      if (kind === "takeClassToken" && !classToken)
        builder.stop(
          place.at,
          "there is no class token; use tokenMean, or patchEmbed: { classToken: true }",
        )
      return builder.push({
        operation: kind,
        path: place.path,
        inputs: [input.node],
        shape: { kind: "vector", channels },
        inputChannels: channels,
      })
    },
  })

export const TakeClassTokenBlock = toVector(
  "takeClassToken",
  "TakeClassToken",
  "The first token alone: a vector, for dense.",
)
export const TokenMeanBlock = toVector(
  "tokenMean",
  "TokenMean",
  "The mean of all tokens: a vector, for dense.",
)
