/**
 * One format everywhere: what `--uniform F`, uniform targets and uniform controls mean.
 *
 * Layers that no override matches take F; an overridden one takes F if its override offers it, else its fixed format,
 * else the offered one of nearest width (the wider on ties). Architecture decisions take their largest option.
 */
import type { FormatSlot, Layer, LayerTable } from "../cost/LayerTable.ts"
import type { Format } from "../format/Format.ts"
import type { Choices } from "../space/Decision.ts"
import { widestChoices } from "../space/DecisionSpace.ts"
import type { Network } from "./Build.ts"

const nearest = (slot: FormatSlot, format: Format): Format =>
  slot.formats.reduce((best, candidate) => {
    const gap = Math.abs(candidate.bits - format.bits) - Math.abs(best.bits - format.bits)
    return gap < 0 || (gap === 0 && candidate.bits > best.bits) ? candidate : best
  })

const formatIn = (slot: FormatSlot, format: Format): Format =>
  slot.overridden
    ? (slot.formats.find((f) => f.name === format.name) ?? nearest(slot, format))
    : format

/** The layer table with `format` everywhere, and the choices at which it is read; F need not be offered. */
export const uniformTable = (
  network: Network,
  format: Format,
): { readonly table: LayerTable; readonly choices: Choices } => {
  const fixed = (slot: FormatSlot): FormatSlot => ({
    ...slot,
    decision: null,
    formats: [formatIn(slot, format)],
  })
  const layers = network.table.layers.map((layer): Layer => ({
    ...layer,
    weightFormat: fixed(layer.weightFormat),
    activationFormat: fixed(layer.activationFormat),
  }))
  return { table: { layers }, choices: widestChoices(network.space) }
}

/** Formats that every layer without an override offers for both operands: those a uniform control may name. */
export const uniformFormats = (network: Network): ReadonlyArray<Format> => {
  const slots = network.table.layers
    .flatMap((layer) => [layer.weightFormat, layer.activationFormat])
    .filter((slot) => !slot.overridden)
  const [first, ...rest] = slots
  return (first?.formats ?? []).filter((format) =>
    rest.every((slot) => slot.formats.some((f) => f.name === format.name)),
  )
}

/** The assignment with `format` everywhere; undefined when the space does not offer it. */
export const uniformChoices = (network: Network, format: Format): Choices | undefined => {
  if (!uniformFormats(network).some((f) => f.name === format.name)) return undefined
  const choices = [...widestChoices(network.space)]
  for (const layer of network.table.layers)
    for (const slot of [layer.weightFormat, layer.activationFormat])
      if (slot.decision !== null)
        choices[slot.decision] = slot.formats.findIndex(
          (f) => f.name === formatIn(slot, format).name,
        )
  return choices
}
