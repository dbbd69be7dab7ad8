/**
 * `patchEmbed`, `transformer`, `finalNorm`, `takeClassToken`, `tokenMean`: vision transformers (arXiv 2010.11929, figure 1;
 * pre-norm, GELU). Norms and softmax stay float32; attention's two products of activations are quantized where
 * `attentionProducts` names a format. None of these is a layer: they cost nothing.
 */
import { Schema } from "effect"
import { formatPath } from "../../declaration/Errors.ts"
import { field, optional, withDefault } from "../../declaration/Field.ts"
import { FormatList, FormatName } from "../../format/FormatName.ts"
import { expand, parse } from "../../format/Formats.ts"
import { combine, constant, map, type Quantity } from "../../space/Quantity.ts"
import { itemName, sharedField, tunable, type Tunable, useField } from "../../space/Tunable.ts"
import type { Builder, Value } from "../Builder.ts"
import { aFormat, type OptionRule, type DecidedField, type BlockPlace } from "../Decisions.ts"
import type { AttentionNode, Shape, TokensShape } from "../Graph.ts"
import { describeShape } from "../Shape.ts"
import { aDepth, defineBlock, dropPathField, repeatsField } from "./Block.ts"

const between = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const TunableHeads = tunable(between(1, 256), "TunableHeads", [3, 6])
const TunableFormat = Schema.Union([
  FormatName,
  Schema.Struct({
    oneOf: field(FormatList, "Formats of a decision that the search takes, or the name of a set."),
    shared: sharedField,
  }),
  Schema.Struct({ use: useField }),
]).annotate({ identifier: "TunableFormat", examples: ["INT8", { oneOf: ["INT4", "INT8"] }] })
const MlpRatio = Schema.Finite.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(64))

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

const TransformerSpec = Schema.Struct({
  name: itemName("stageN, counted from 1"),
  repeats: repeatsField,
  mlpRatio: withDefault(
    tunable(MlpRatio, "TunableMlpRatio", [2, 4]),
    4,
    "Hidden width of the MLP over the width of the tokens, above 0, at most 64. A decision of its own for each repeat.",
  ),
  heads: optional(
    TunableHeads,
    "Attention heads of this block, 1 to 256; the width between blocks stays. A decision of its own for each repeat. Default: width / headDim.",
  ),
  attentionProducts: optional(
    TunableFormat,
    "Format of attention's two products of activations; it costs nothing. A decision of its own for each repeat. Default: not quantized.",
  ),
  dropPath: dropPathField,
}).annotate({
  identifier: "Transformer",
  description:
    "Attention and MLP, each on a normed copy and added back; layers qkv, attentionProject, mlpUp, mlpDown.",
})

const Named = (kind: string, identifier: string, description: string) =>
  Schema.Struct({ name: itemName(kind) }).annotate({
    identifier,
    description,
    examples: [{}],
  })

const aHeads: OptionRule<number> = {
  what: "a whole number from 1 to 256",
  test: (v) => typeof v === "number" && Number.isInteger(v) && v >= 1 && v <= 256,
  role: "architecture",
  fallback: 1,
}
const aRatio: OptionRule<number> = {
  what: "a number above 0, at most 64",
  test: (v) => typeof v === "number" && v > 0 && v <= 64,
  role: "architecture",
  fallback: 4,
}

/** The format of attention's products: a decision of its own for each repeat, never costed. */
const productsOf = (
  builder: Builder,
  place: BlockPlace,
  declared: typeof TunableFormat.Type | undefined,
): Pick<AttentionNode, "products" | "unsignedProbabilities"> => {
  if (declared === undefined) return {}
  const value: Tunable<string> =
    typeof declared === "object" && "oneOf" in declared
      ? { ...declared, oneOf: expand(declared.oneOf) }
      : declared
  const { decision, options } = builder.field(place, "attentionProducts", value, "repeat", aFormat)
  return {
    products: {
      decision,
      formats: options.map((o) => parse(o)!),
      overridden: true,
      key: formatPath([...place.at, "attentionProducts"]),
    },
    ...(builder.options.unsigned ? { unsignedProbabilities: true } : {}),
  }
}

/** Heads after the width multiplier, which must leave whole ones. */
const headsOf = (builder: Builder, place: BlockPlace, chosen: DecidedField<number>): Quantity => {
  for (const m of builder.widths.multiplier.values)
    builder.widths.note(
      m,
      chosen.options.map((n) => n * m),
    )
  const heads = combine(
    [builder.quantity(chosen, (n) => n), builder.widths.multiplier],
    ([n, m]) => Math.round(n! * m! * 1e9) / 1e9,
  )
  const broken = heads.values.find((v) => !Number.isInteger(v))
  return broken === undefined
    ? heads
    : builder.stop(
        [...place.at, "heads"],
        `times the width multiplier gives ${broken} heads; choose both so that the product is whole`,
      )
}

/** The tokens that `what` needs; `advice` is what to write instead where it gets something else. */
const tokensOf = (
  builder: Builder,
  place: BlockPlace,
  { shape }: Value,
  what: string,
  advice: { readonly image?: string; readonly vector?: string } = {},
): TokensShape => {
  if (shape.kind === "tokens") return shape
  const {
    image = "put it after patchEmbed",
    vector = "put it before takeClassToken or tokenMean",
  } = advice
  return builder.stop(
    place.at,
    `${what} needs tokens but gets ${describeShape(shape)}; ${shape.kind === "image" ? image : vector}`,
  )
}

const layerNorm = (builder: Builder, path: string, value: Value): Value =>
  builder.push({
    operation: "layerNorm",
    path,
    inputs: [value.node],
    shape: value.shape,
    inputChannels: value.shape.channels,
  })

export const PatchEmbedBlock = defineBlock<typeof PatchEmbedSpec.Type>({
  kind: "patchEmbed",
  stage: false,
  spec: () => PatchEmbedSpec,
  build: (builder, place, { patch, headDim, classToken, ...fields }, input) => {
    const shape = builder.image(place, input, "patchEmbed")
    if (shape.height % patch !== 0 || shape.width % patch !== 0)
      builder.stop(
        [...place.at, "patch"],
        `${shape.height} x ${shape.width} does not part into patches of ${patch} x ${patch}; use a divisor of both`,
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
    const count = (shape.height / patch) * (shape.width / patch)
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

export const TransformerBlock = defineBlock<typeof TransformerSpec.Type>({
  kind: "transformer",
  stage: true,
  spec: () => TransformerSpec,
  build: (builder, place, fields, input) => {
    const { headDim, channels } = tokensOf(builder, place, input, "transformer")
    const repeats = builder.field(place, "repeats", fields.repeats, "item", aDepth)
    return builder.repeat(place, repeats, input, (inner, x) => {
      const heads =
        fields.heads === undefined
          ? map(channels, (n) => n / headDim)
          : headsOf(builder, inner, builder.field(inner, "heads", fields.heads, "repeat", aHeads))
      const ratio = builder.quantity(
        builder.field(inner, "mlpRatio", fields.mlpRatio, "repeat", aRatio),
        (n) => n,
      )
      const hidden = combine([ratio, channels], ([r, c]) => Math.max(1, Math.round(r! * c!)))
      const branch = (part: string, value: Value, onto: Value): Value => {
        const path = `${inner.path}.${part}`
        const dropped = builder.dropPath(path, value, fields.dropPath ?? 0)
        return builder.add(inner, `${path}.add`, dropped, onto)
      }

      const width = map(heads, (n) => n * headDim)
      const qkv = builder.dense(inner, layerNorm(builder, `${inner.path}.norm1`, x), {
        name: "qkv",
        units: map(width, (n) => 3 * n),
      })
      const attended = builder.push({
        operation: "attention",
        path: `${inner.path}.attention`,
        inputs: [qkv.node],
        shape: { ...qkv.shape, channels: width } as Shape,
        inputChannels: qkv.shape.channels,
        headDim,
        ...productsOf(builder, inner, fields.attentionProducts),
      })
      const project = { name: "attentionProject", units: channels }
      const y = branch("attention", builder.dense(inner, attended, project), x)

      const up = builder.dense(inner, layerNorm(builder, `${inner.path}.norm2`, y), {
        name: "mlpUp",
        units: hidden,
      })
      const active = builder.activation(`${inner.path}.mlpUp`, up, "gelu")
      return branch("mlp", builder.dense(inner, active, { name: "mlpDown", units: channels }), y)
    })
  },
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
