/** Found models for tests: a network with weights as if it were trained, norms and activation scales measured. */
import { rowLength } from "../../src/format/Row.ts"
import type { Network } from "../../src/network/Network.ts"
import { activationSites } from "../../src/network/Sites.ts"
import type { FoundModel } from "../../src/export/FoundModel.ts"
import { toAssignment } from "../../src/space/DecisionSpace.ts"
import type { Choices } from "../../src/space/Decision.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { childWeights, extract } from "../../src/supernet/Child.ts"
import type { Observed } from "../../src/supernet/PolicyTensors.ts"
import { makeSupernet } from "../../src/supernet/Supernet.ts"
import { tf } from "../../src/tensor/Backend.ts"
import type { Tensor, Tensor1D, Tensor2D, Variable } from "../../src/tensor/Backend.ts"
import { buildSpace, decodeSpace } from "../network/fixture.ts"

/** Random images, bytes [count, height, width, channels]. */
export const drawImages = ({ graph }: Network, count: number, seed: number): Uint8Array => {
  const { channels, height, width } = graph.input
  const random = randomStream(seed, "images")
  return Uint8Array.from({ length: count * height * width * channels }, () => random.integer(256))
}

/** A model of a space under these choices, its statistics those of a few images. */
export const modelOf = (yaml: string, choose: (network: Network) => Choices): FoundModel => {
  const whole = buildSpace(yaml)
  const choices = choose(whole)
  const network = extract(whole, choices)
  const supernet = makeSupernet(network, 7)
  const random = randomStream(8, "model")
  const { channels, height, width } = network.graph.input
  const images = drawImages(network, 16, 9)
  const repeated = (values: ReadonlyArray<number>) =>
    Array.from({ length: channels }, (_, c) => values[c % values.length]!)
  const preprocessing = { mean: repeated([0.49, 0.48, 0.45]), std: repeated([0.25, 0.24, 0.26]) }
  const input = Float32Array.from(images, (byte, i) => {
    const c = i % channels
    return (byte / 255 - preprocessing.mean[c]!) / preprocessing.std[c]!
  })
  const variables = new Map(supernet.variables.map(({ name, variable }) => [name, variable]))
  const assign = (variable: Variable, values: ArrayLike<number>) =>
    tf.tidy(() => variable.assign(tf.tensor(Float32Array.from(values), variable.shape) as Variable))
  for (const { formats, name, variable } of supernet.variables)
    if (formats !== undefined) assign(variable, [0.01 + 0.02 * random.uniform()])
    else if (/\.(?:gamma|beta|bias|\w+Bias)$/u.test(name))
      assign(
        variable,
        (variable.dataSync() as Float32Array).map((v) => v + 0.2 * random.normal()),
      )
  const amax = new Float32Array(supernet.sites)
  const leasts = new Float32Array(supernet.sites)
  const observed: Observed = { norms: new Map(), activations: new Map(), leasts: new Map() }
  tf.tidy(() => {
    supernet.forward(
      tf.tensor(input, [16, height, width, channels]),
      {
        rows: tf.tensor2d(supernet.rowsOf([]), [supernet.sites, rowLength]) as Tensor2D,
        amax: tf.tensor1d(amax.slice()) as Tensor1D,
        sizes: tf.tensor1d(supernet.sizesOf([]), "int32"),
      },
      "measure",
      { observed },
    )
    const valueOf = (tensor: Tensor) => tensor.dataSync() as Float32Array
    for (const { site } of activationSites(network))
      // A little below the largest, so that some values saturate.
      amax[site] = 0.9 * valueOf(observed.activations.get(site)!)[0]!
    for (const [site, least] of observed.leasts) leasts[site] = valueOf(least)[0]!
    for (const [path, [mean, variance]] of observed.norms) {
      assign(variables.get(`${path}.mean`)!, valueOf(mean))
      assign(variables.get(`${path}.variance`)!, valueOf(variance))
      mean.dispose()
      variance.dispose()
    }
  })
  const zeroPoints = supernet.zeroPointsOf([], amax, leasts)
  const weights = childWeights(network, supernet.variables)
  const shapes = new Map(supernet.variables.map(({ name, variable }) => [name, variable.shape]))
  supernet.dispose()
  return {
    network,
    weights: new Map(
      [...weights].map(([name, values]) => [name, { shape: shapes.get(name)!, values }]),
    ),
    amax,
    zeroPoints,
    assignment: toAssignment(whole.space, choices),
    space: decodeSpace(yaml),
    classNames: Array.from({ length: network.graph.classes }, (_, i) => `class ${i}`),
    preprocessing,
    trial: "0123456789abcdef",
    version: "0.1.0",
  }
}
