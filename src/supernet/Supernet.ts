/**
 * The weight-sharing network on tensors: its variables, and forward passes under a policy that is data.
 *
 * A policy is two tensors: `rows` [sites, rowLength] holds the number format of every operand (`network/Sites.ts` says
 * which row), `sizes` [searched sizes] the architecture. Both change every step without a new graph. Where probabilities
 * are given, an operand whose format is searched takes the weighted mean over all of its formats instead. Variables have
 * the shape of the largest network; a smaller one is cut from them. Left out: training (`train/`), which choice is best.
 */
import type { Network } from "../network/Network.ts"
import { type ActivationSite, activationSites, formatSites, productsOf } from "../network/Sites.ts"
import type { Choices } from "../space/Decision.ts"
import { isConstant } from "../space/Quantity.ts"
import type { Tensor } from "../tensor/Backend.ts"
import { rowsUnder, zeroPointsUnder } from "./FormatRows.ts"
import { forward, type Parts } from "./Forward.ts"
import type { Mode } from "./operation/Operation.ts"
import type { FrozenScales } from "./FrozenScales.ts"
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
  /** Whether an activation may take a format with a zero point. */
  readonly hasZeroPoints: boolean
  /** Values of `PolicyTensors.rows` under these choices, row-major; zero points are those that are frozen. */
  readonly rowsOf: (choices: Choices, frozen?: Partial<FrozenScales>) => Float32Array
  /** The zero points of activations whose values go from `leasts` [sites] over `amax` [sites]; 0 where there is none. */
  readonly zeroPointsOf: (
    choices: Choices,
    amax: Float32Array,
    leasts: Float32Array,
  ) => Float32Array
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
    hasZeroPoints: parts.formats.some(({ rows }) => rows.some(({ affine }) => affine === 1)),
    rowsOf: (choices, frozen = {}) => rowsUnder(parts.formats, choices, frozen),
    zeroPointsOf: (choices, amax, leasts) => zeroPointsUnder(parts.formats, choices, amax, leasts),
    sizesOf: (choices) => sizesUnder(parts.sizes, choices),
    largestSizes: largestSizes(parts.sizes),
    forward: (images, policy, mode, more = {}) => forward({ parts, policy, mode, ...more }, images),
    dispose: () => variables.forEach(({ variable }) => variable.dispose()),
  }
}
