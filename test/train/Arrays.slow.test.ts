import { NodeServices } from "@effect/platform-node"
import { Effect, Stream } from "effect"
import { expect, it } from "vitest"
import { run } from "../../src/train/OneShot.ts"
import type { TrainEvent } from "../../src/train/TrainEvent.ts"
import { temporary } from "../data/imageFolders.ts"
import { files, npy, npz } from "../data/numpyFiles.ts"

const [count, size] = [96, 12]
const space = {
  name: "tiny",
  input: { height: size, width: size, channels: 1 },
  classes: 3,
  network: [
    { conv: { name: "stem", filters: 8, kernel: 3 } },
    { globalAveragePool: {} },
    { dense: { name: "classifier", units: "classes" } },
  ],
  formats: { oneOf: ["INT4", "INT8"] },
}
/** Noise whose brightness is that of the class. */
const pixels = Uint8Array.from(
  { length: count * size * size },
  (_, i) => ((i * 2654435761) % 97) + 60 * (Math.floor(i / size / size) % 3),
)
const labels = Uint8Array.from({ length: count }, (_, i) => i % 3)

const trained = async (bytes: boolean) => {
  const [type, values] = bytes ? ["|u1", pixels] : (["<f4", Float32Array.from(pixels)] as const)
  const x = npy(type as string, [count, size, size], values as Uint8Array)
  const folder = files({ "a.npz": npz({ x, y: npy("|u1", [count], labels) }) })
  const declaration = {
    space,
    data: { kind: "arrays", train: "a.npz", batchSize: 16, heldOut: 16, mean: [110], std: [50] },
    train: { steps: 40 },
    finish: { recalibrate: 4 },
    reward: { kind: "absolute", cost: { kind: "gbops", target: { times: 1.2, uniform: "INT4" } } },
    seed: 1,
  }
  const context = { threads: 1, cacheDirectory: temporary(), eager: false, folder }
  const events: Array<TrainEvent> = []
  await run({ id: "0123456789abcdef", declaration }, context).pipe(
    Stream.runForEach((event) => Effect.sync(() => void events.push(event))),
    Effect.provide(NodeServices.layer),
    Effect.runPromise,
  )
  return {
    metrics: events.filter(({ type }) => type === "metrics"),
    final: events.find((event) => event.type === "finished")?.metrics,
  }
}

it("trains on float32 arrays bit for bit as on bytes of the same values", async () => {
  const [ofBytes, ofFloats] = [await trained(true), await trained(false)]
  expect(ofFloats.metrics.length).toBeGreaterThan(0)
  expect(ofFloats).toEqual(ofBytes)
  expect(ofFloats.final?.["final/accuracy"]).toBeGreaterThan(0.6)
})
