import { readFileSync } from "node:fs"
import { Effect } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import { rowLength } from "../../src/format/Row.ts"
import { childWeights, extract } from "../../src/supernet/Child.ts"
import type { FrozenScales } from "../../src/supernet/FrozenScales.ts"
import { makeSupernet, type Supernet } from "../../src/supernet/Supernet.ts"
import { activationSites } from "../../src/network/Sites.ts"
import type { Mode } from "../../src/supernet/operation/Operation.ts"
import type { Choices } from "../../src/space/Decision.ts"
import { type Random, randomStream } from "../../src/space/RandomStream.ts"
import { load, tf } from "../../src/tensor/Backend.ts"
import type { Tensor } from "../../src/tensor/Backend.ts"
import { buildSpace, joint } from "../network/fixture.ts"
import { randomNetwork, seeds } from "./randomNetworks.ts"
import * as tiny from "./tiny.ts"

beforeAll(() => Effect.runPromise(load({ threads: 1 })))

const logits = (
  net: Supernet,
  images: Tensor,
  choices: Choices,
  mode: Mode,
  frozen: FrozenScales = { amax: new Float32Array(net.sites) },
): Float32Array => {
  const result = tf.tidy(() =>
    net.forward(
      images,
      {
        rows: tf.tensor2d(net.rowsOf(choices, frozen), [net.sites, rowLength]),
        amax: tf.tensor1d(frozen.amax.slice()),
        sizes: tf.tensor1d(net.sizesOf(choices), "int32"),
      },
      mode,
    ),
  )
  const values = result.dataSync() as Float32Array
  result.dispose()
  return values
}

/** Norms that are not the identity, scales as if they were learned. */
const shiftNorms = (supernet: Supernet, random: Random): void => {
  for (const { kind, variable, formats } of supernet.variables)
    if (kind === "average" || formats !== undefined)
      tf.tidy(() =>
        variable.assign(
          tf.tensor(
            Float32Array.from({ length: variable.size }, () => 0.5 + random.uniform()),
            variable.shape,
          ) as never,
        ),
      )
}

/** The child alone, with the supernet's weights. */
const alone = (supernet: Supernet, choices: Choices): Supernet => {
  const child = extract(supernet.network, choices)
  const net = makeSupernet(child, 99)
  const weights = childWeights(child, supernet.variables)
  for (const { name, variable } of net.variables)
    tf.tidy(() => variable.assign(tf.tensor(weights.get(name)!, variable.shape) as never))
  return net
}

const drawImages = (count: number, random: Random): Tensor =>
  tf.tensor(
    Float32Array.from({ length: count * 32 * 32 * 3 }, () => random.normal()),
    [count, 32, 32, 3],
  )

const zeroPoints = `formats:
  weights: INT4
  activations: { oneOf: [INT4, UINT4, UINT8, E4M3] }
  scale: { sharedExponent: floor }
`

describe("the extracted child", () => {
  const shipped = ["mobilenet-joint", "resnet8-mixed"].map(
    (file) => [file, readFileSync(`spaces/${file}.yaml`, "utf8")] as const,
  )
  const learned = tiny.excited.replace(
    /formats: .*/,
    "formats: { oneOf: [INT4, NVFP4, E4M3, BF16], scale: { rule: learned } }",
  )
  const random = seeds.map((seed) => [`random ${seed}`, randomNetwork(seed)] as const)
  const offset = (yaml: string) => yaml.replace(/\nformats:[^]*$/u, `\n${zeroPoints}`)
  const others = [
    ["learned", learned],
    ["zero points", offset(tiny.excited)],
  ] as const
  it.each([...shipped, ...Object.entries(tiny), ...others, ...random])(
    "gives the supernet's logits bit for bit: %s",
    (_, yaml) => {
      const { numTensors } = tf.memory()
      const supernet = makeSupernet(buildSpace(yaml), 1)
      const { decisions } = supernet.network.space
      const random = randomStream(2, "test")
      shiftNorms(supernet, random)
      const images = drawImages(2, random)
      for (let i = 0; i < 6; i++) {
        const choices = decisions.map((d) => random.integer(d.options.length))
        const net = alone(supernet, choices)
        for (const mode of ["infer", "measure"] as const)
          expect(logits(net, images, [], mode)).toEqual(logits(supernet, images, choices, mode))
        expect(net.sizesOf([])).toHaveLength(0)
        net.dispose()
      }
      supernet.dispose()
      images.dispose()
      expect(tf.memory().numTensors).toBe(numTensors)
    },
    120_000,
  )

  it.each([
    ["convolutional", joint],
    ["transformer", tiny.attended],
    ["convolutional, with zero points", offset(joint)],
    ["transformer, with zero points", offset(tiny.attended)],
  ])(
    "gives them under 200 random assignments of a joint space, norms and scales frozen: %s",
    (_, yaml) => {
      const { numTensors } = tf.memory()
      const supernet = makeSupernet(buildSpace(yaml), 1)
      const { space } = supernet.network
      const random = randomStream(3, "test")
      shiftNorms(supernet, random)
      const images = drawImages(1, random)
      const scales = new Map(
        activationSites(supernet.network).map(({ path }) => [path, 0.5 + 3 * random.uniform()]),
      )
      const frozen = (net: Supernet): FrozenScales => {
        const amax = new Float32Array(net.sites)
        for (const { path, site } of activationSites(net.network)) amax[site] = scales.get(path)!
        return { amax, zeroPoints: amax.map((span) => Math.floor(3 * span)) }
      }
      for (let i = 0; i < 200; i++) {
        const choices = space.decisions.map((d) => random.integer(d.options.length))
        const net = alone(supernet, choices)
        expect(logits(net, images, [], "infer", frozen(net))).toEqual(
          logits(supernet, images, choices, "infer", frozen(supernet)),
        )
        net.dispose()
      }
      supernet.dispose()
      images.dispose()
      expect(tf.memory().numTensors).toBe(numTensors)
    },
    240_000,
  )
})
