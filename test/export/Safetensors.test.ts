/** The file goes in again by `train.initial`: a fixed trial of its assignment then answers as the found network does. */
import { Effect, Result } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import { checksum, decode } from "../../src/disk/TensorFile.ts"
import type { FoundModel } from "../../src/export/FoundModel.ts"
import { safetensors } from "../../src/export/SafetensorsTarget.ts"
import { rowLength } from "../../src/format/Row.ts"
import type { Network } from "../../src/network/Network.ts"
import { activationSites } from "../../src/network/Sites.ts"
import { fromAssignment, narrowestChoices } from "../../src/space/DecisionSpace.ts"
import type { Assignment } from "../../src/space/Decision.ts"
import { makeSupernet } from "../../src/supernet/Supernet.ts"
import { counts, load, tf, type Variable } from "../../src/tensor/Backend.ts"
import { readSafetensors, type Tensors } from "../../src/train/Safetensors.ts"
import { digest, fit, initialTensors } from "../../src/train/Weights.ts"
import { buildSpace, joint } from "../network/fixture.ts"
import * as tiny from "../supernet/tiny.ts"
import { drawImages, findModel, logitsOf } from "./found.ts"

beforeAll(() => Effect.runPromise(load({ threads: 1 })))

const fileOf = (model: FoundModel): Uint8Array => Buffer.concat(safetensors(model))

/** Logits of the whole network that starts from `tensors`, under an assignment, with the model's frozen scales. */
const continued = (
  whole: Network,
  tensors: Tensors,
  { amax, assignment, network }: FoundModel,
  images: Float32Array,
): Float32Array => {
  const choices = fromAssignment(whole.space, assignment as Assignment)
  if (choices._tag === "Failure") throw new Error(JSON.stringify(choices.failure))
  const net = makeSupernet(whole, 5)
  for (const { name, variable } of net.variables)
    tf.tidy(() => {
      const { shape, values } = tensors.get(name)!
      variable.assign(tf.tensor(values, [...shape]) as Variable)
    })
  const frozen = new Map(activationSites(network).map(({ path, site }) => [path, amax[site]!]))
  const all = new Float32Array(net.sites)
  for (const { path, site } of activationSites(whole)) all[site] = frozen.get(path) ?? 0
  const { channels, height, width } = whole.graph.input
  const logits = tf.tidy(() => {
    const policy = {
      rows: tf.tensor2d(net.rowsOf(choices.success), [net.sites, rowLength]),
      amax: tf.tensor1d(all),
      sizes: tf.tensor1d(net.sizesOf(choices.success), "int32"),
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

describe("--to safetensors", () => {
  const spaces = { joint, excited: tiny.excited, joined: tiny.joined, attended: tiny.attended }
  it.each(Object.entries(spaces))("is the inverse of train.initial: %s", (_, yaml) => {
    const before = counts()
    const whole = buildSpace(yaml)
    for (const choose of [undefined, ({ space }: Network) => narrowestChoices(space)]) {
      const model = findModel(yaml, choose)
      const tensors = Result.getOrThrow(readSafetensors(fileOf(model)))
      const { names, problems } = fit(whole, tensors)
      expect(problems).toEqual([])
      const images = drawImages(whole, 2, 7)
      const started = initialTensors(whole, tensors, { digest: digest(tensors, names) })
      expect(continued(whole, started, model, images)).toEqual(logitsOf(model, images))
    }
    expect(counts()).toEqual(before)
  })

  it("says what it is in its metadata, and has a checksum", () => {
    const model = findModel(tiny.excited)
    const file = fileOf(model)
    expect(checksum(file)).toBe("right")
    const { metadata } = Result.getOrThrow(decode(file))
    expect(JSON.parse(metadata["fliqs.assignment"]!)).toEqual(model.assignment)
    expect(JSON.parse(metadata["fliqs.classes"]!)).toEqual(model.classNames)
    expect(JSON.parse(metadata["fliqs.mean"]!)).toEqual([0.5, 0.5, 0.5])
    expect(JSON.parse(metadata["fliqs.std"]!)).toEqual([0.25, 0.25, 0.25])
    expect(metadata["fliqs.version"]).toBe("0.1.0")
    const formats = JSON.parse(metadata["fliqs.formats"]!)
    const used = new Set(
      model.network.table.layers.flatMap((layer) =>
        [layer.weightFormat, layer.activationFormat].map(({ formats: [format] }) => format!.name),
      ),
    )
    expect(Object.keys(formats).sort()).toEqual([...used].sort())
    const shapes = JSON.parse(metadata["fliqs.shapes"]!)
    expect(shapes["stem.weight"]).toEqual([3, 3, 3, 8])
    expect(Object.keys(shapes).sort()).toEqual([...model.weights.keys()].sort())
  })
})
