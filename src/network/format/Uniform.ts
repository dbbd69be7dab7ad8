/**
 * One format, or one pair of formats, everywhere: what `--uniform F`, uniform targets and uniform controls mean.
 *
 * Layers that no override matches take F; an overridden one takes F if its override offers it, else its fixed format,
 * else the offered one of nearest width (the wider on ties). Architecture decisions take their largest option.
 */
import type { FormatSlot, Layer, LayerTable } from "../../cost/LayerTable.ts"
import type { Format } from "../../format/Format.ts"
import { parse } from "../../format/Formats.ts"
import { type FormatOption, pairOf, pairText } from "../../format/Pair.ts"
import type { Choices } from "../../space/Decision.ts"
import { widestChoices } from "../../space/DecisionSpace.ts"
import type { Network } from "../Network.ts"

/** Formats of the weights and of the activations. */
type Formats = readonly [weights: Format, activations: Format]

/** Throws where a name is no format: declarations are checked for that. */
const formatsOf = (option: FormatOption): Formats => {
  const { activations, weights } = pairOf(option)
  const [first, second] = [parse(weights), parse(activations)]
  if (first === undefined || second === undefined)
    throw new Error(`${pairText(option)} names no formats`)
  return [first, second]
}

const slotsOf = ({ activationFormat, weightFormat }: Layer): readonly [FormatSlot, FormatSlot] => [
  weightFormat,
  activationFormat,
]

/** Whether one decision chooses both formats of the layer at once. */
const isJoint = ({ activationFormat, weightFormat }: Layer): boolean =>
  weightFormat.decision !== null && weightFormat.decision === activationFormat.decision

/** What the layer may take: of one decision option by option, of two decisions all combinations. */
const optionsOf = (layer: Layer): ReadonlyArray<Formats> => {
  const [weights, activations] = slotsOf(layer)
  return isJoint(layer)
    ? weights.formats.map((format, k) => [format, activations.formats[k]!])
    : weights.formats.flatMap((format) =>
        activations.formats.map((other): Formats => [format, other]),
      )
}

const isSame = (a: Formats, b: Formats): boolean =>
  a[0].name === b[0].name && a[1].name === b[1].name

const distance = (a: Formats, b: Formats): number =>
  Math.abs(a[0].bits - b[0].bits) + Math.abs(a[1].bits - b[1].bits)

const bitsOf = ([weights, activations]: Formats): number => weights.bits + activations.bits

/** The one of `offered` that is `wanted`, else the one of nearest width, the wider on ties. */
const nearest = (offered: ReadonlyArray<Formats>, wanted: Formats): Formats =>
  offered.find((formats) => isSame(formats, wanted)) ??
  offered.reduce((best, formats) => {
    const gap = distance(formats, wanted) - distance(best, wanted)
    return gap < 0 || (gap === 0 && bitsOf(formats) > bitsOf(best)) ? formats : best
  })

/** What the layer takes when `wanted` is asked of all. */
const taken = (layer: Layer, wanted: Formats): Formats => {
  const [weights, activations] = slotsOf(layer)
  if (isJoint(layer) && weights.overridden) return nearest(optionsOf(layer), wanted)
  const inSlot = ({ formats, overridden }: FormatSlot, format: Format): Format =>
    overridden
      ? nearest(
          formats.map((f) => [f, f] as const),
          [format, format],
        )[0]
      : format
  return [inSlot(weights, wanted[0]), inSlot(activations, wanted[1])]
}

/** The layer table with `option` everywhere, and the choices at which it is read; it need not be offered. */
export const uniformTable = (
  network: Network,
  option: FormatOption,
): { readonly table: LayerTable; readonly choices: Choices } => {
  const wanted = formatsOf(option)
  const fixed = (slot: FormatSlot, format: Format): FormatSlot => ({
    ...slot,
    decision: null,
    formats: [format],
  })
  const layers = network.table.layers.map((layer): Layer => {
    const [weights, activations] = taken(layer, wanted)
    return {
      ...layer,
      weightFormat: fixed(layer.weightFormat, weights),
      activationFormat: fixed(layer.activationFormat, activations),
    }
  })
  return { table: { layers }, choices: widestChoices(network.space) }
}

/** Whether what no override matches in the layer can take the formats. */
const offers = (layer: Layer, formats: Formats): boolean =>
  isJoint(layer) && !layer.weightFormat.overridden
    ? optionsOf(layer).some((option) => isSame(option, formats))
    : slotsOf(layer).every(
        (slot, i) => slot.overridden || slot.formats.some(({ name }) => name === formats[i]!.name),
      )

/** Whether every layer without an override offers the option. */
export const offersEverywhere = ({ table }: Network, option: FormatOption): boolean => {
  const formats = formatsOf(option)
  return table.layers.every((layer) => offers(layer, formats))
}

const asOption = ([weights, activations]: Formats): FormatOption =>
  weights.name === activations.name
    ? weights.name
    : { weights: weights.name, activations: activations.name }

/**
 * What every layer without an override offers: what a uniform control may name. Where weights and activations are chosen
 * apart, that is the formats that both lists have; if there are none, all pairs.
 */
export const uniformOptions = (network: Network): ReadonlyArray<FormatOption> => {
  const first = network.table.layers.find((layer) =>
    slotsOf(layer).some((slot) => !slot.overridden),
  )
  if (first === undefined) return []
  const everywhere = optionsOf(first)
    .map(asOption)
    .filter((option) => offersEverywhere(network, option))
  const alike = everywhere.filter((option) => typeof option === "string")
  return isJoint(first) || alike.length === 0 ? everywhere : alike
}

/** The assignment with `option` everywhere; undefined when the space does not offer it. */
export const uniformChoices = (network: Network, option: FormatOption): Choices | undefined => {
  if (!offersEverywhere(network, option)) return undefined
  const wanted = formatsOf(option)
  const choices = [...widestChoices(network.space)]
  for (const layer of network.table.layers) {
    const formats = taken(layer, wanted)
    const joint = isJoint(layer)
    slotsOf(layer).forEach((slot, i) => {
      if (slot.decision === null) return
      choices[slot.decision] = joint
        ? optionsOf(layer).findIndex((option) => isSame(option, formats))
        : slot.formats.findIndex(({ name }) => name === formats[i]!.name)
    })
  }
  return choices
}
