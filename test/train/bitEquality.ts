/** Graph against eager: every CIFAR-size space under random policies, with the threads a test file asks for. */
import { readdirSync, readFileSync } from "node:fs"
import { Effect } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import type { Dataset } from "../../src/data/Dataset.ts"
import type { Norms } from "../../src/search/policy/CommonKnobs.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { counts, load } from "../../src/tensor/Backend.ts"
import { buildSpace } from "../network/fixture.ts"
import * as tiny from "../supernet/tiny.ts"
import * as Trained from "./trained.ts"

let dataset: Dataset

export const loadAll = async (threads: number, native = true): Promise<void> => {
  await Effect.runPromise(load({ threads, native }))
  dataset = Trained.makeImages({ height: 32, width: 32, channels: 3 }, 512, 96)
}

/** Trains on random policies and finishes: everything that must have equal bits. */
export const trained = async (yaml: string, eager: boolean, steps: number, norms?: Norms) => {
  const network = buildSpace(yaml)
  const random = randomStream(3, "policies")
  const choices = () => network.space.decisions.map((d) => random.integer(d.options.length))
  let left = 2 * steps
  const { bits } = await Trained.trained(network, dataset, {
    eager,
    ...(norms === undefined ? {} : { norms }),
    batchSize: 8,
    heldOut: 64,
    recalibrate: 4,
    deal: () => (left-- > 0 ? choices() : undefined),
    final: choices(),
  })
  return bits
}

/** Takes minutes; the tiny network `chosen` chooses among operations too, as `operations-cifar` does. */
const large = "nas-bench-201.yaml"

/** Every other shipped space of CIFAR size. */
const files = readdirSync("spaces")
  .filter((file) => file !== large)
  .filter((file) => /^ +height: 32$/m.test(readFileSync(`spaces/${file}`, "utf8")))
  .map((file) => file.replace(".yaml", ""))

const hasBatchNorm = (yaml: string): boolean =>
  buildSpace(yaml).graph.nodes.some(({ operation }) => operation === "batchNorm")

/** Declares the tests; a process has one number of threads, so a file calls this once. */
export const testBitEquality = (threads: number): void => {
  beforeAll(() => loadAll(threads))
  describe(`the recorded steps with ${threads} threads`, () => {
    it.each(files)(
      "equal the eager ones bit for bit under random policies: %s",
      async (file) => {
        const before = counts()
        const yaml = readFileSync(`spaces/${file}.yaml`, "utf8")
        const graph = await trained(yaml, false, 20)
        const eager = await trained(yaml, true, 20)
        expect(graph).toEqual(eager)
        expect(graph.losses.every(Number.isFinite)).toBe(true)
        expect(counts()).toEqual(before)
      },
      240_000,
    )

    it.each(Object.entries(tiny))(
      "equal the eager ones on a tiny network of each kind: %s",
      async (_, yaml) => {
        const before = counts()
        const graph = await trained(yaml, false, 8)
        expect(graph).toEqual(await trained(yaml, true, 8))
        expect(graph.losses.every(Number.isFinite)).toBe(true)
        expect(counts()).toEqual(before)
      },
      60_000,
    )

    it.each(Object.entries(tiny).filter(([, yaml]) => hasBatchNorm(yaml)))(
      "equal the eager ones where norms go by running averages: %s",
      async (_, yaml) => {
        const before = counts()
        const graph = await trained(yaml, false, 8, "running")
        expect(graph).toEqual(await trained(yaml, true, 8, "running"))
        expect(graph.losses.every(Number.isFinite)).toBe(true)
        const { losses, ...rest } = await trained(yaml, false, 8)
        expect(graph.losses).not.toEqual(losses)
        expect(graph).toMatchObject(rest)
        expect(counts()).toEqual(before)
      },
      60_000,
    )
  })
}
