/** Random networks trained under random policies: recorded steps have the bits of eager ones, and all numbers are finite. */
import { beforeAll, describe, expect, it } from "vitest"
import { randomStream } from "../../src/space/RandomStream.ts"
import { tf } from "../../src/tensor/Backend.ts"
import { buildSpace } from "../network/fixture.ts"
import { loadBackend } from "../tensor/support.ts"
import { makeImages, trained } from "../train/trained.ts"
import { randomNetwork, seeds } from "./randomNetworks.ts"

beforeAll(() => loadBackend(true))

const steps = 3

describe("a random network", () => {
  it.each(seeds)(
    "%i: recorded steps have the bits of eager ones",
    async (seed) => {
      const { numTensors } = tf.memory()
      const network = buildSpace(randomNetwork(seed))
      const { decisions } = network.space
      const dataset = makeImages(network.graph.input, 32, 16)
      const run = (eager: boolean) => {
        const random = randomStream(seed, "deals")
        const draw = () => decisions.map(({ options }) => random.integer(options.length))
        let left = 2 * steps
        return trained(network, dataset, {
          eager,
          batchSize: 8,
          heldOut: 8,
          recalibrate: 1,
          deal: () => (left-- > 0 ? draw() : undefined),
          final: decisions.map(() => 0),
        })
      }
      const recorded = await run(false)
      expect(recorded.bits).toEqual((await run(true)).bits)
      expect(recorded.bits.losses.every(Number.isFinite)).toBe(true)
      expect(recorded.bits.losses).toHaveLength(2 * steps)
      expect(tf.memory().numTensors).toBe(numTensors)
    },
    120_000,
  )
})
