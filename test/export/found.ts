/** Found networks for tests: random weights, norms and frozen scales in a declared space, and what they answer. */
import type { FrozenScales } from "../../src/supernet/FrozenScales.ts"
import { makeSupernet, type Supernet } from "../../src/supernet/Supernet.ts"
import { childWeights, extract } from "../../src/supernet/Child.ts"
import type { FoundModel } from "../../src/export/FoundModel.ts"
import { rowLength } from "../../src/format/Row.ts"
import type { Network } from "../../src/network/Network.ts"
import { activationSites } from "../../src/network/Sites.ts"
import { build } from "../../src/network/Build.ts"
import type { Choices } from "../../src/space/Decision.ts"
import { toAssignment } from "../../src/space/DecisionSpace.ts"
import { type Random, randomStream } from "../../src/space/RandomStream.ts"
import { tf, type Tensor, type Variable } from "../../src/tensor/Backend.ts"
import { decodeSpace } from "../network/fixture.ts"

const assign = (variable: Variable, values: Float32Array): void =>
  tf.tidy(() => variable.assign(tf.tensor(values, variable.shape) as Variable))

/** Norms that are not the identity, biases that are not 0, scales as if they were learned. */
const shift = ({ variables }: Supernet, random: Random): void => {
  for (const { formats, kind, name, variable } of variables) {
    const draw = (of: () => number) => assign(variable, Float32Array.from(variable.dataSync(), of))
    if (formats !== undefined) draw(() => 0.02 + 0.05 * random.uniform())
    else if (kind === "average" && name.endsWith("variance")) draw(() => 0.5 + random.uniform())
    else if (kind === "average" || /bias$|beta$|Bias$/u.test(name))
      draw(() => 0.2 * random.normal())
    else if (name.endsWith("gamma")) draw(() => 0.7 + 0.6 * random.uniform())
  }
}

/** The activation scales of one pass over images, as a trial freezes them. */
const observed = (net: Supernet, images: Tensor): FrozenScales => {
  const amax = new Float32Array(net.sites)
  const least = new Float32Array(net.sites)
  tf.tidy(() => {
    const activations = new Map<number, Tensor>()
    const leasts = new Map<number, Tensor>()
    const policy = {
      rows: tf.tensor2d(net.rowsOf([]), [net.sites, rowLength]),
      amax: tf.tensor1d(amax.slice()),
      sizes: tf.tensor1d([], "int32"),
    }
    net.forward(images, policy, "measureRunning", {
      observed: { norms: new Map(), activations, leasts },
    })
    for (const [site, magnitude] of activations) amax[site] = magnitude.dataSync()[0]!
    for (const [site, value] of leasts) least[site] = value.dataSync()[0]!
  })
  return { amax, zeroPoints: net.zeroPointsOf([], amax, least) }
}

/** A supernet of the network alone, with its weights. */
const alone = (network: Network, weights: FoundModel["weights"]): Supernet => {
  const net = makeSupernet(network, 99)
  for (const { name, variable } of net.variables) assign(variable, weights.get(name)!.values)
  return net
}

/** Normalised images [count, height, width, channels], row-major. */
export const drawImages = ({ graph }: Network, count: number, seed: number): Float32Array => {
  const random = randomStream(seed, "images")
  const { channels, height, width } = graph.input
  return Float32Array.from({ length: count * height * width * channels }, () => random.normal())
}

/** A network of a space in YAML, as if it had been found; `choose` says which, at random when absent. */
export const findModel = (
  yaml: string,
  choose?: (network: Network) => Choices,
  seed = 1,
): FoundModel => {
  const space = decodeSpace(yaml)
  const { network: all, problems } = build(space)
  if (all === undefined) throw new Error(problems.map(({ message }) => message).join("; "))
  const random = randomStream(seed, "found")
  const choices =
    choose?.(all) ?? all.space.decisions.map(({ options }) => random.integer(options.length))
  const supernet = makeSupernet(all, seed)
  shift(supernet, random)
  const network = extract(all, choices)
  const values = childWeights(network, supernet.variables)
  supernet.dispose()
  const empty = makeSupernet(network, 1)
  const weights = new Map(
    empty.variables.map(({ name, variable }) => [
      name,
      { shape: variable.shape, values: values.get(name)! },
    ]),
  )
  empty.dispose()
  const net = alone(network, weights)
  const { channels, height, width } = network.graph.input
  const images = tf.tensor(drawImages(network, 4, seed + 1), [4, height, width, channels])
  const frozen = observed(net, images)
  images.dispose()
  net.dispose()
  const known = new Set(activationSites(network).map(({ site }) => site))
  return {
    network,
    weights,
    amax: frozen.amax.map((value, site) => (known.has(site) ? value : 0)),
    zeroPoints: frozen.zeroPoints!,
    assignment: toAssignment(all.space, choices),
    space,
    classNames: Array.from({ length: network.graph.classes }, (_, i) => `class ${i}`),
    preprocessing: { mean: Array(channels).fill(0.5), std: Array(channels).fill(0.25) },
    trial: "0123456789abcdef",
    version: "0.1.0",
  }
}

/** Logits [count, classes], row-major, of images [count, height, width, channels] under the frozen scales. */
export const logitsOf = (
  model: Pick<FoundModel, "amax" | "network" | "weights" | "zeroPoints">,
  images: Float32Array,
): Float32Array => {
  const { amax, network, weights } = model
  const { channels, height, width } = network.graph.input
  const net = alone(network, weights)
  const logits = tf.tidy(() => {
    const policy = {
      rows: tf.tensor2d(net.rowsOf([], model), [net.sites, rowLength]),
      amax: tf.tensor1d(amax.slice()),
      sizes: tf.tensor1d([], "int32"),
    }
    const input = tf.tensor(images, [
      images.length / (height * width * channels),
      height,
      width,
      channels,
    ])
    return (net.forward(input, policy, "infer").dataSync() as Float32Array).slice()
  })
  net.dispose()
  return logits
}
