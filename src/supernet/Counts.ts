/** How many numbers a network trains and multiplies, as papers count them. Left out: costs (`cost/`). */
import { valueOf } from "../space/Quantity.ts"
import type { Choices } from "../space/Decision.ts"
import type { Network } from "../network/Network.ts"
import { extract } from "./Child.ts"
import { operationOf } from "./operation/Operations.ts"

/**
 * Of weights, biases, gamma and beta, positions, class tokens and gates; `withAverages`: and of running means and variances.
 * Of a space with decisions they are those of the supernet.
 */
export const trainedParameters = ({ graph }: Network, withAverages = false): number =>
  graph.nodes
    .flatMap((node) => (node.operation === "input" ? [] : operationOf(node).variables(node)))
    .filter(({ kind }) => withAverages || kind === "trained")
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)

/** Parameters and multiply-accumulates (batch 1) of the network under some choices. */
export const countsOf = (network: Network, choices: Choices) => {
  const single = extract(network, choices)
  return {
    parameters: trainedParameters(single),
    macs: single.table.layers.reduce((sum, { macs }) => sum + valueOf(macs, []), 0),
  }
}
