/**
 * The weight-sharing network on tensors: its variables, and forward passes under a policy that is data.
 *
 * A policy is two tensors: `rows` [sites, rowLength] holds the number format of every operand (`network/Sites.ts` says
 * which row), `sizes` [searched sizes] the architecture. Both change every step without a new graph. Where probabilities
 * are given, an operand whose format is searched takes the weighted mean over all of its formats instead. Variables have
 * the shape of the largest network; a smaller one is cut from them. Left out: training (`train/`), which choice is best.
 */
import { rowNumbers } from "../format/Row.ts"
import type { Network } from "../network/Network.ts"
import {
  type ActivationSite,
  activationSites,
  type FormatSite,
  formatSites,
  productsOf,
} from "../network/Sites.ts"
import type { Choices } from "../space/Decision.ts"
import { isConstant } from "../space/Quantity.ts"
import type { Tensor } from "../tensor/Backend.ts"
import { forward, type Parts } from "./Forward.ts"
import type { Mode } from "./operation/Operation.ts"
import type { Observed, PolicyTensors } from "./PolicyTensors.ts"
import { largestSizes, searchedSizes, sizesUnder } from "./SearchedSizes.ts"
import { makeVariables, type NamedVariable, scaleOptions } from "./Variables.ts"

export interface Supernet {
  readonly network: Network
  readonly variables: ReadonlyArray<NamedVariable>
  /** Number of format rows. */
  readonly sites: number
  readonly activations: ReadonlyArray<ActivationSite>
  /** The sites whose format is searched, each with its decision: those that `Relaxed` names. */
  readonly searchedSites: ReadonlyArray<readonly [site: number, decision: number]>
  /** Values of `PolicyTensors.rows` under these choices, row-major. */
  readonly rowsOf: (choices: Choices) => Float32Array
  /** Values of `PolicyTensors.sizes` under these choices. */
  readonly sizesOf: (choices: Choices) => Int32Array
  /** Values of `PolicyTensors.sizes` to record a step with. */
  readonly largestSizes: Int32Array
  /**
   * Logits [batch, classes] of normalised images [batch, height, width, channels]. `seed` int32 [2], another one every
   * step, is for dropout and is read in `train` mode only. `observed` is filled.
   */
  readonly forward: (
    images: Tensor,
    policy: PolicyTensors,
    mode: Mode,
    more?: { readonly observed?: Observed; readonly seed?: Tensor },
  ) => Tensor
  readonly dispose: () => void
}

const rowsUnder = (formats: ReadonlyArray<FormatSite>, choices: Choices): Float32Array =>
  Float32Array.from(
    formats.flatMap(({ decision, rows }) =>
      rowNumbers(rows[decision === null ? 0 : choices[decision]!]!),
    ),
  )

/** Makes a supernet with variables drawn from the stream `weights` of `seed`. The backend must be loaded. */
export const makeSupernet = (network: Network, seed: number): Supernet => {
  const variables = makeVariables(network, seed)
  const options = scaleOptions(network)
  const parts: Parts = {
    network,
    variables: new Map(variables.map(({ name, variable }) => [name, variable])),
    formats: formatSites(network),
    products: new Map(productsOf(network).map((products) => [products.path, products])),
    sizes: searchedSizes(network, options),
    isSizeSearched: network.graph.nodes.some(
      ({ operation, shape }) =>
        operation === "resize" && shape.kind === "image" && !isConstant(shape.height),
    ),
    scaleOptions: options,
  }
  return {
    network,
    variables,
    sites: parts.formats.length,
    activations: activationSites(network),
    searchedSites: parts.formats.flatMap(({ decision }, site) =>
      decision === null ? [] : [[site, decision] as const],
    ),
    rowsOf: (choices) => rowsUnder(parts.formats, choices),
    sizesOf: (choices) => sizesUnder(parts.sizes, choices),
    largestSizes: largestSizes(parts.sizes),
    forward: (images, policy, mode, more = {}) => forward({ parts, policy, mode, ...more }, images),
    dispose: () => variables.forEach(({ variable }) => variable.dispose()),
  }
}
