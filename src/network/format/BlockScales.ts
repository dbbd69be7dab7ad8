/** What block formats ask of a network: a rule for shared exponents, no other rules, and sums that fill the blocks. */
import type { Layer } from "../../cost/LayerTable.ts"
import type { Format } from "../../format/Format.ts"
import type { Builder } from "../Builder.ts"
import type { Quantity } from "../../space/Quantity.ts"
import { isLayerNode, type LayerNode } from "../Graph.ts"

/** The block formats that a layer may take, for its weight or its input. */
const blockFormats = ({ weightFormat, activationFormat }: Layer): ReadonlyArray<Format> =>
  [...weightFormat.formats, ...activationFormat.formats].filter(({ block }) => block !== undefined)

/** Attentions whose products may take block formats, and how many values each product sums. */
const blockProducts = (builder: Builder) =>
  builder.nodes.flatMap((node) =>
    node.operation === "attention" && node.products !== undefined && node.shape.kind === "tokens"
      ? [
          {
            path: node.path,
            formats: node.products.formats.filter(({ block }) => block !== undefined),
            sums: [node.headDim, node.shape.tokens],
          },
        ]
      : [],
  )

const someOf = (words: ReadonlyArray<string>): string =>
  words.length > 3
    ? `${words.slice(0, 3).join(", ")} and ${words.length - 3} more`
    : words.join(", ")

/** Refuses what says how float32 scales are found where no format has one: those of block formats have rules of their own. */
const checkOwnScales = (
  builder: Builder,
  layers: ReadonlyArray<Layer>,
  offered: ReadonlyArray<Format>,
): void => {
  const formats = layers.flatMap((layer) => [
    ...layer.weightFormat.formats,
    ...layer.activationFormat.formats,
  ])
  if (formats.some(({ scaled, block }) => scaled && block === undefined)) return
  const names = someOf(offered.map(({ name }) => name))
  const [{ scaleRule, weightGranularity, activationGranularity }] = layers as [Layer]
  const refuse = (key: string, what: string): void =>
    builder.problem(
      ["formats", "scale", key],
      `${what} is for formats with a float32 scale; the scales of ${names} have rules of their own; remove it`,
    )
  if (scaleRule !== undefined)
    refuse("rule", typeof scaleRule === "string" ? scaleRule : "a percentile")
  if (weightGranularity === "block" || activationGranularity === "block")
    refuse("granularity", "block")
}

/** Channels that one output adds up products of: with groups those of its own. */
const inputsOfSum = (node: LayerNode): Quantity =>
  ("groupInputs" in node ? node.groupInputs : undefined) ?? node.inputChannels

/** Refuses an MX format without a rule, and warns of layers whose last blocks are short. */
export const checkBlocks = (builder: Builder, layers: ReadonlyArray<Layer>): void => {
  const products = blockProducts(builder)
  const all = [...layers.flatMap(blockFormats), ...products.flatMap(({ formats }) => formats)]
  const offered = [...new Map(all.map((format) => [format.name, format])).values()]
  const ruled = offered.find(({ block }) => block!.scale === "E8M0")
  if (ruled !== undefined && layers[0]!.sharedExponent === undefined)
    builder.problem(
      ["formats", "scale"],
      `offers ${ruled.name} without saying how its shared exponents are found; ` +
        "add scale: { sharedExponent: floor } (the rule of OCP), or ceil, even or roundUp",
    )
  if (offered.length > 0) checkOwnScales(builder, layers, offered)
  const channelsOf = new Map(
    builder.nodes.flatMap((node) =>
      isLayerNode(node) ? [[node.layer, inputsOfSum(node).values] as const] : [],
    ),
  )
  for (const format of offered) {
    const { size } = format.block!
    const short = layers.flatMap((layer, i) => {
      if (!blockFormats(layer).some(({ name }) => name === format.name)) return []
      const widths = [...new Set(channelsOf.get(i))].filter((n) => n > 0 && n % size !== 0)
      return widths.map((n) => `${layer.path} (${n} to ${Math.ceil(n / size) * size})`)
    })
    if (short.length > 0)
      builder.warning(
        ["formats"],
        `${format.name} has blocks of ${size} input channels, which hardware pads with zeros in ${someOf(short)}`,
      )
    const shortSums = products.flatMap(({ formats, path, sums }) =>
      formats.some(({ name }) => name === format.name) && sums.some((n) => n % size !== 0)
        ? [`${path} (sums of ${sums.join(" and ")})`]
        : [],
    )
    if (shortSums.length > 0)
      builder.warning(
        ["network"],
        `${format.name} has blocks of ${size}, which hardware pads with zeros in ${someOf(shortSums)}`,
      )
  }
}
