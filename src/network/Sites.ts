/**
 * The sites: which row of the tensor `rows` holds the number format of each quantized operand. First come the weights and
 * the activations of every layer, then the four operands of every attention whose products are quantized.
 */
import { activationGranularityOf, type FormatSlot, type LayerTable } from "../cost/LayerTable.ts"
import type { Format, SharedExponent } from "../format/Format.ts"
import { unsigned } from "../format/IntFormat.ts"
import { type Row, toRow } from "../format/Row.ts"
import type { Quantity } from "../space/Quantity.ts"
import type { Network } from "./Network.ts"
import { productOperands } from "./Graph.ts"

/** The operands of a layer, in the order of their sites. */
export const operands = ["weights", "activations"] as const
export type Operand = (typeof operands)[number]

/** The site of an operand of layer `layer` (its index in the layer table). */
export const siteOf = (layer: number, operand: Operand): number =>
  operands.length * layer + operands.indexOf(operand)

/** The first site that is not an operand of a layer. */
const firstProductSite = ({ layers }: LayerTable): number => operands.length * layers.length

/** An attention whose products are quantized. */
export interface Products {
  /** Of its node. */
  readonly path: string
  /** The first of its four rows, in the order of `productOperands`. */
  readonly site: number
  readonly slot: FormatSlot
  /** Whether probabilities take the range of values that cannot be negative. */
  readonly unsignedProbabilities: boolean
  readonly active: Quantity
}

export const productsOf = ({
  graph,
  table,
}: Pick<Network, "graph" | "table">): ReadonlyArray<Products> => {
  let site = firstProductSite(table)
  return graph.nodes.flatMap((node) => {
    if (node.operation !== "attention" || node.products === undefined) return []
    const first = site
    site += productOperands.length
    const { active, path, products, unsignedProbabilities = false } = node
    return [{ path, site: first, slot: products, unsignedProbabilities, active }]
  })
}

/** An operand that is not a weight: its scale is re-estimated and frozen at the end. */
export interface ActivationSite {
  /** Of its layer, or `stage1.0.attention.query`. */
  readonly path: string
  readonly site: number
  readonly active: Quantity
}

export const activationSites = (
  network: Pick<Network, "graph" | "table">,
): ReadonlyArray<ActivationSite> => [
  ...network.table.layers.map(({ path, active }, i) => ({
    path,
    site: siteOf(i, "activations"),
    active,
  })),
  ...productsOf(network).flatMap(({ path, site, active }) =>
    productOperands.map((operand, k) => ({ path: `${path}.${operand}`, site: site + k, active })),
  ),
]

/** An operand that is quantized. */
export interface FormatSite {
  /** Null: one format. */
  readonly decision: number | null
  /** Per option, the format as the quantizer reads it. */
  readonly rows: ReadonlyArray<Row>
  /** Whether its scale is frozen at the end: that of an input as a whole. */
  readonly isFrozen: boolean
}

const formatSite = (
  { decision, formats }: FormatSlot,
  sharedExponent: SharedExponent | undefined,
  isFrozen: boolean,
  as = (format: Format): Format => format,
): FormatSite => ({
  decision,
  rows: formats.map((format) => toRow(as(format), sharedExponent)),
  isFrozen,
})

/** Every operand that is quantized, in the order of the sites. */
export const formatSites = (
  network: Pick<Network, "graph" | "table">,
): ReadonlyArray<FormatSite> => [
  ...network.table.layers.flatMap((layer) => [
    formatSite(layer.weightFormat, layer.sharedExponent, false),
    formatSite(
      layer.activationFormat,
      layer.sharedExponent,
      activationGranularityOf(layer) === "tensor",
      layer.unsignedActivations === true ? unsigned : undefined,
    ),
  ]),
  ...productsOf(network).flatMap(({ slot, unsignedProbabilities }) =>
    productOperands.map((operand) =>
      formatSite(
        slot,
        network.table.layers[0]!.sharedExponent,
        true,
        unsignedProbabilities && operand === "probabilities" ? unsigned : undefined,
      ),
    ),
  ),
]
