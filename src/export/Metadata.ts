/** What every exported file says of the network beside its weights, as texts. */
import type { Format } from "../format/Format.ts"
import { formatNumbers, type FormatNumbers } from "./FormatNumbers.ts"
import type { FoundModel } from "./FoundModel.ts"
import { activationSites } from "../network/Sites.ts"
import { quantizedOperands } from "./Operands.ts"

/** Name -> numbers of every format that the network has, as their names say, without the range of unsigned inputs. */
export const formatsOf = ({
  network,
}: Pick<FoundModel, "network">): Readonly<Record<string, FormatNumbers>> => {
  const slots = [
    ...network.table.layers.flatMap((layer) => [layer.weightFormat, layer.activationFormat]),
    ...network.graph.nodes.flatMap((node) =>
      node.operation === "attention" && node.products !== undefined ? [node.products] : [],
    ),
  ]
  return Object.fromEntries(
    slots.map(({ formats: [format] }) => [format!.name, formatNumbers(format!)]),
  )
}

/** Path of every operand whose scale may be frozen (`stem.activations`) -> its site. */
export const frozenSites = ({
  graph,
  table,
}: FoundModel["network"]): ReadonlyMap<string, number> => {
  const layers = new Set(table.layers.map(({ path }) => path))
  return new Map(
    activationSites({ graph, table }).map(({ path, site }) => [
      layers.has(path) ? `${path}.activations` : path,
      site,
    ]),
  )
}

/** Path of an operand -> the amax that its scale is frozen at; operands without one are left out. */
export const amaxesOf = ({
  amax,
  network,
}: Pick<FoundModel, "amax" | "network">): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...frozenSites(network)].flatMap(([path, site]) => {
      const value = amax[site] ?? 0
      return value > 0 ? [[path, value]] : []
    }),
  )

/** Path of an operand -> its frozen zero point; undefined where no operand has one. */
export const zeroPointsOf = (
  model: FoundModel,
): { readonly zeroPoints?: Readonly<Record<string, number>> } => {
  const found = quantizedOperands(model).flatMap(({ format, path }) =>
    typeof format.zeroPoint === "number" ? [[path, format.zeroPoint] as const] : [],
  )
  return found.length === 0 ? {} : { zeroPoints: Object.fromEntries(found) }
}

/** The same as a text. */
const zeroPointText = (model: FoundModel): Readonly<Record<string, string>> => {
  const { zeroPoints } = zeroPointsOf(model)
  return zeroPoints === undefined ? {} : { "fliqs.zeroPoints": JSON.stringify(zeroPoints) }
}

/** Keys and texts of a file's metadata. */
export const metadataOf = (model: FoundModel): Readonly<Record<string, string>> => ({
  "fliqs.version": model.version,
  "fliqs.trial": model.trial,
  "fliqs.network": model.network.name,
  "fliqs.assignment": JSON.stringify(model.assignment),
  "fliqs.space": JSON.stringify(model.space),
  "fliqs.formats": JSON.stringify(formatsOf(model)),
  "fliqs.amax": JSON.stringify(amaxesOf(model)),
  ...zeroPointText(model),
  "fliqs.classes": JSON.stringify(model.classNames),
  "fliqs.mean": JSON.stringify(model.preprocessing.mean),
  "fliqs.std": JSON.stringify(model.preprocessing.std),
})

/** The same of a file that runs: what its weights are stored as, layer by layer, and the images that it takes. */
export const metadataOfGraph = (
  model: FoundModel,
  storedAs: (format: Format) => string,
): Readonly<Record<string, string>> => {
  const { channels, height, width } = model.network.graph.input
  const stored = model.network.table.layers.map(({ activationFormat, path, weightFormat }) => {
    const [weights, activations] = [weightFormat.formats[0]!, activationFormat.formats[0]!]
    return [
      path,
      { weights: weights.name, activations: activations.name, stored: storedAs(weights) },
    ]
  })
  return {
    ...metadataOf(model),
    "fliqs.stored": JSON.stringify(Object.fromEntries(stored)),
    "fliqs.size": JSON.stringify([height, width, channels]),
    "fliqs.channelOrder": channels === 3 ? "RGB" : "gray",
  }
}
