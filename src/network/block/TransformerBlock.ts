/**
 * `transformer`: attention and MLP on tokens (arXiv 2010.11929, figure 1; pre-norm, GELU). Norms and softmax stay float32.
 * Attention's two products of activations are quantized where `attentionProducts` names a format. They are no layers, and
 * cost nothing.
 */
import { Schema } from "effect"
import { formatPath } from "../../declaration/Errors.ts"
import { field, optional, withDefault } from "../../declaration/Field.ts"
import { FormatList, FormatName } from "../../format/FormatName.ts"
import { expand, parse } from "../../format/Formats.ts"
import { combine, map } from "../../space/Quantity.ts"
import { itemName, sharedField, tunable, type Tunable, useField } from "../../space/Tunable.ts"
import type { Builder } from "../Builder.ts"
import type { Value } from "../Shape.ts"
import { aFormat, type BlockPlace, type OptionRule } from "../Decisions.ts"
import type { AttentionNode, Shape } from "../Graph.ts"
import { aDepth, defineBlock, dropPathField, repeatsField } from "./Block.ts"
import { aHeads, headsOf, layerNorm, TunableHeads, tokensOf } from "./TokenFields.ts"

const TunableFormat = Schema.Union([
  FormatName,
  Schema.Struct({
    oneOf: field(FormatList, "Formats of a decision that the search takes, or the name of a set."),
    shared: sharedField,
  }),
  Schema.Struct({ use: useField }),
]).annotate({ identifier: "TunableFormat", examples: ["INT8", { oneOf: ["INT4", "INT8"] }] })
const MlpRatio = Schema.Finite.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(64))

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
      const active = builder.activation(inner, `${inner.path}.mlpUp`, up, "gelu")
      return branch("mlp", builder.dense(inner, active, { name: "mlpDown", units: channels }), y)
    })
  },
})
