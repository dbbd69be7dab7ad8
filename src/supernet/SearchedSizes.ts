/**
 * Which sizes of a network a policy decides, and the place of each in `PolicyTensors.sizes`: channels, kernels, hidden
 * widths, whether a repeat runs, and which option of its format a learned scale is for.
 */
import type { Network } from "../network/Network.ts"
import { sizesOf } from "../network/SearchedFields.ts"
import type { Choices } from "../space/Decision.ts"
import { isConstant, maximum, type Quantity, valueOf } from "../space/Quantity.ts"

/** Quantity -> its index in the tensor of sizes. */
export type SearchedSizes = ReadonlyMap<Quantity, number>

/**
 * @param scaleOptions of every learned scale, the option of its format
 */
export const searchedSizes = (
  { graph, table }: Network,
  scaleOptions: ReadonlyMap<number, Quantity>,
): SearchedSizes => {
  const quantities = [
    ...graph.nodes.flatMap(sizesOf),
    ...scaleOptions.values(),
    ...(scaleOptions.size > 0 ? table.layers.map(({ active }) => active) : []),
  ]
  const searched = new Set(quantities.filter((quantity) => !isConstant(quantity)))
  return new Map([...searched].map((quantity, i) => [quantity, i]))
}

/** Values of the sizes under these choices. */
export const sizesUnder = (sizes: SearchedSizes, choices: Choices): Int32Array =>
  Int32Array.from([...sizes.keys()].map((quantity) => valueOf(quantity, choices)))

/** The largest value of each size, every part active: what a step is recorded with. No assignment need have all at once. */
export const largestSizes = (sizes: SearchedSizes): Int32Array =>
  Int32Array.from([...sizes.keys()].map(maximum))
