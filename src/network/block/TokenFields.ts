/** What the blocks on tokens share: heads, the check that a value is tokens, the layer norm. */
import { Schema } from "effect"
import { combine, type Quantity } from "../../space/Quantity.ts"
import { tunable } from "../../space/Tunable.ts"
import type { Builder } from "../Builder.ts"
import type { Value } from "../Shape.ts"
import type { BlockPlace, DecidedField, OptionRule } from "../Decisions.ts"
import type { TokensShape } from "../Graph.ts"
import { describeShape } from "../Shape.ts"

export const between = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))
export const TunableHeads = tunable(between(1, 256), "TunableHeads", [3, 6])
export const aHeads: OptionRule<number> = {
  what: "a whole number from 1 to 256",
  test: (v) => typeof v === "number" && Number.isInteger(v) && v >= 1 && v <= 256,
  role: "architecture",
  fallback: 1,
}
/** Heads after the width multiplier, which must leave whole ones. */
export const headsOf = (
  builder: Builder,
  place: BlockPlace,
  chosen: DecidedField<number>,
): Quantity => {
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
export const tokensOf = (
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

export const layerNorm = (builder: Builder, path: string, value: Value): Value =>
  builder.push({
    operation: "layerNorm",
    path,
    inputs: [value.node],
    shape: value.shape,
    inputChannels: value.shape.channels,
  })
