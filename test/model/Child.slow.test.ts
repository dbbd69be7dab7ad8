import { readFileSync } from "node:fs"
import { Effect } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import { rowLength } from "../../src/format/Formats.ts"
import { childWeights, extract } from "../../src/model/Child.ts"
import { makeSupernet, type Supernet } from "../../src/model/Supernet.ts"
import type { Mode } from "../../src/model/operation/Operation.ts"
import type { Choices } from "../../src/space/Decision.ts"
import { randomStream } from "../../src/space/Random.ts"
import { load, tf } from "../../src/tensor/Backend.ts"
import type { Tensor } from "../../src/tensor/Backend.ts"
import { buildSpace } from "./fixture.ts"
import * as tiny from "./tiny.ts"

beforeAll(() => Effect.runPromise(load({ threads: 1 })))

const logits = (net: Supernet, images: Tensor, choices: Choices, mode: Mode): Float32Array => {
  const result = tf.tidy(() =>
    net.forward(
      images,
      {
        rows: tf.tensor2d(net.rowsOf(choices), [net.sites, rowLength]),
        amax: tf.zeros([net.sites]),
        sizes: tf.tensor1d(net.sizesOf(choices), "int32"),
      },
      mode,
    ),
  )
  const values = result.dataSync() as Float32Array
  result.dispose()
  return values
}

describe("the extracted child", () => {
  const shipped = ["mobilenet-joint", "resnet8-mixed"].map(
    (file) => [file, readFileSync(`spaces/${file}.yaml`, "utf8")] as const,
  )
  it.each([...shipped, ...Object.entries(tiny)])(
    "gives the supernet's logits bit for bit: %s",
    (_, yaml) => {
      const network = buildSpace(yaml)
      const supernet = makeSupernet(network, 1)
      const random = randomStream(2, "test")
      // norms that are not the identity
      for (const { kind, variable } of supernet.variables)
        if (kind === "average")
          tf.tidy(() =>
            variable.assign(
              tf.tensor(
                Float32Array.from({ length: variable.size }, () => 0.5 + random.uniform()),
                variable.shape,
              ) as never,
            ),
          )
      const images = tf.tensor(
        Float32Array.from({ length: 2 * 32 * 32 * 3 }, () => random.normal()),
        [2, 32, 32, 3],
      )
      for (let i = 0; i < 12; i++) {
        const choices = network.space.decisions.map((d) => random.integer(d.options.length))
        const child = extract(network, choices)
        const alone = makeSupernet(child, 99)
        const weights = childWeights(child, supernet.variables)
        for (const { name, variable } of alone.variables)
          tf.tidy(() => variable.assign(tf.tensor(weights.get(name)!, variable.shape) as never))
        for (const mode of ["infer", "measure"] as const)
          expect(logits(alone, images, [], mode)).toEqual(logits(supernet, images, choices, mode))
        expect(alone.sizesOf([])).toHaveLength(0)
        alone.dispose()
      }
      supernet.dispose()
      images.dispose()
    },
    120_000,
  )
})
