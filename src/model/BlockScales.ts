/** What block formats ask of a network: a rule for shared exponents, and input channels that fill the blocks. */
import type { Layer } from "../cost/LayerTable.ts"
import type { Format } from "../format/Format.ts"
import type { Builder } from "./Builder.ts"

/** The block formats that a layer may take, for its weight or its input. */
const blockFormats = ({ weightFormat, activationFormat }: Layer): ReadonlyArray<Format> =>
  [...weightFormat.formats, ...activationFormat.formats].filter(({ block }) => block !== undefined)

const formatsOf = (layers: ReadonlyArray<Layer>): ReadonlyArray<Format> => {
  const byName = new Map(layers.flatMap(blockFormats).map((format) => [format.name, format]))
  return [...byName.values()]
}

const someOf = (words: ReadonlyArray<string>): string =>
  words.length > 3
    ? `${words.slice(0, 3).join(", ")} and ${words.length - 3} more`
    : words.join(", ")

/** Refuses an MX format without a rule, and warns of layers whose last blocks are short. */
export const checkBlocks = (builder: Builder, layers: ReadonlyArray<Layer>): void => {
  const offered = formatsOf(layers)
  const ruled = offered.find(({ block }) => block!.scale === "E8M0")
  if (ruled !== undefined && layers[0]!.sharedExponent === undefined)
    builder.problem(
      ["formats", "scale"],
      `offers ${ruled.name} without saying how its shared exponents are found; ` +
        "add scale: { sharedExponent: floor } (the rule of OCP), or ceil, or even",
    )
  const channelsOf = new Map(
    builder.nodes.flatMap((node) =>
      "layer" in node ? [[node.layer, node.inputChannels.values] as const] : [],
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
  }
}
