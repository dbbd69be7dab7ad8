import { readFileSync } from "node:fs"
import { Effect } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import { parse } from "../../src/format/Formats.ts"
import { rowNumbers, toRow } from "../../src/format/Row.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { widestChoices } from "../../src/space/DecisionSpace.ts"
import { channelGroups } from "../../src/supernet/ChannelGroups.ts"
import { sortChannels } from "../../src/supernet/SortChannels.ts"
import { makeSupernet, type Supernet } from "../../src/supernet/Supernet.ts"
import { load, tf } from "../../src/tensor/Backend.ts"
import type { Tensor, Variable } from "../../src/tensor/Backend.ts"
import { buildSpace } from "../network/fixture.ts"
import * as tiny from "./tiny.ts"

beforeAll(() => Effect.runPromise(load({ threads: 1 })))

/** Logits of the largest network in float32, where an order of sums is all that can differ. */
const widestLogits = (net: Supernet, images: Tensor): Float32Array => {
  const float = rowNumbers(toRow(parse("FP32")!))
  const { space } = net.network
  const result = tf.tidy(() =>
    net.forward(
      images,
      {
        rows: tf.tensor2d(Array.from({ length: net.sites }, () => float)),
        amax: tf.zeros([net.sites]),
        sizes: tf.tensor1d(net.sizesOf(widestChoices(space)), "int32"),
      },
      "infer",
    ),
  )
  const values = result.dataSync() as Float32Array
  result.dispose()
  return values
}

/** All variables away from where they start: no norm is the identity, no bias 0. */
const shuffle = ({ variables }: Supernet): void => {
  const random = randomStream(2, "variables")
  for (const { name, variable } of variables)
    tf.tidy(() => {
      const values = (variable.dataSync() as Float32Array).map(
        (value) => value + (name.endsWith("variance") ? 1 : 0.3) * random.uniform(),
      )
      variable.assign(tf.tensor(values, variable.shape) as Variable)
    })
}

const valuesOf = ({ variables }: Supernet, name: string): ReadonlyArray<number> =>
  Array.from(variables.find((one) => one.name === name)!.variable.dataSync())

const shipped = [
  "resnet8-joint",
  "mobilenet-joint",
  "mobilenet-cifar",
  "efficientnet-cifar",
  "inception-cifar",
  "vit-tiny",
].map((file) => [file, readFileSync(`spaces/${file}.yaml`, "utf8")] as const)

describe("sorted channels", () => {
  it.each([...shipped, ...Object.entries(tiny)])(
    "leave the largest network as it is: %s",
    (_, yaml) => {
      const { numTensors } = tf.memory()
      const network = buildSpace(yaml)
      const net = makeSupernet(network, 1)
      shuffle(net)
      const random = randomStream(3, "images")
      const { height, width, channels } = network.graph.input
      const images = tf.tensor(
        Float32Array.from({ length: 2 * height * width * channels }, () => random.normal()),
        [2, height, width, channels],
      )
      const before = widestLogits(net, images)
      const weights = net.variables.map(({ variable }) => Array.from(variable.dataSync()))
      sortChannels(net, new Map())
      const after = widestLogits(net, images)
      const largest = Math.max(...before.map(Math.abs))
      after.forEach((value, i) => expect(Math.abs(value - before[i]!)).toBeLessThan(1e-4 * largest))
      const moved = net.variables.filter(({ variable }, i) =>
        variable.dataSync().some((value, k) => value !== weights[i]![k]),
      )
      expect(moved.length > 0).toBe(channelGroups(network).length > 0)
      net.dispose()
      images.dispose()
      expect(tf.memory().numTensors).toBe(numTensors)
    },
    60_000,
  )

  const joint = buildSpace(readFileSync("spaces/resnet8-joint.yaml", "utf8"))

  it("have one order for a residual stream and all that it goes through", () => {
    const groups = channelGroups(joint).map(({ axes }) =>
      axes.map(({ variable, axis, isRead }) => `${variable} ${axis}${isRead ? " read" : ""}`),
    )
    const second = groups.find((axes) => axes.includes("stage2.0.projection.weight 3"))!
    expect(new Set(second)).toEqual(
      new Set([
        "stage2.0.conv2.weight 3",
        ...["gamma", "beta", "mean", "variance"].map((name) => `stage2.0.conv2.norm.${name} 0`),
        "stage2.0.projection.weight 3",
        ...["gamma", "beta", "mean", "variance"].map(
          (name) => `stage2.0.projection.norm.${name} 0`,
        ),
        "stage3.0.conv1.weight 2 read",
        "stage3.0.projection.weight 2 read",
      ]),
    )
    const inGroups = groups.flat()
    expect(new Set(inGroups).size).toBe(inGroups.length)
    // images and classes stay in their order
    expect(inGroups).not.toContain("stem.weight 2 read")
    expect(inGroups).not.toContain("classifier.weight 1")
  })

  it("come from the one that is read most to the one that is read least", () => {
    const net = makeSupernet(joint, 1)
    shuffle(net)
    sortChannels(net, new Map())
    const sums = Array.from({ length: 12 }, () => 0)
    for (const path of ["stage2.0.conv1", "stage2.0.projection"])
      valuesOf(net, `${path}.weight`).forEach((value, i) => {
        // [kernel, kernel, 12 inputs, 24 outputs]
        sums[Math.floor(i / 24) % 12]! += Math.abs(value)
      })
    expect(sums).toEqual([...sums].sort((a, b) => b - a))
    net.dispose()
  })

  it("keep the parts of a head of attention together", () => {
    const net = makeSupernet(buildSpace(tiny.attended), 1)
    shuffle(net)
    const bias = "stage1.0.qkv.bias.bias"
    const [before, heads] = [valuesOf(net, bias), 3]
    sortChannels(net, new Map())
    const after = valuesOf(net, bias)
    const size = before.length / heads
    const parts = (values: ReadonlyArray<number>) =>
      Array.from({ length: heads }, (_, i) => values.slice(i * size, (i + 1) * size).join())
    expect(new Set(parts(after))).toEqual(new Set(parts(before)))
    net.dispose()
  })

  it("take what belongs to a variable along", () => {
    const net = makeSupernet(joint, 1)
    const companions = new Map(
      net.variables.map(({ variable }) => [
        variable,
        [tf.tidy(() => tf.variable(tf.mul(variable, 2)))],
      ]),
    )
    sortChannels(net, companions)
    for (const [variable, [companion]] of companions) {
      expect(Array.from(companion!.dataSync())).toEqual(
        Array.from(variable.dataSync(), (value) => 2 * value),
      )
      companion!.dispose()
    }
    net.dispose()
  })
})
