/**
 * Fake quantization of 2^20 numbers alone, forward: the fused kernel, or with FLIQS_NATIVE=0 the same rule as
 * TensorFlow operations, both in a graph.
 *
 *     node bench/worker/quantizer.ts THREADS FORMAT
 */
import { Effect } from "effect"
import { parse } from "../../src/format/Formats.ts"
import { rowNumbers, toRow } from "../../src/format/Row.ts"
import { fakeQuantize } from "../../src/quantizer/FakeQuantize.ts"
import { load, tf } from "../../src/tensor/Backend.ts"
import type { Tensor2D } from "../../src/tensor/Backend.ts"
import { makeStep } from "../../src/tensor/Step.ts"
import { serve } from "./serve.ts"

const [threads = "2", format = "INT4"] = process.argv.slice(2)
await Effect.runPromise(load({ threads: Number(threads) }))
const inputs = [tf.randomNormal([64, 32, 32, 16]), tf.tensor2d([rowNumbers(toRow(parse(format)!))])]
const quantize = makeStep({
  state: [],
  inputs,
  body: ([x, rows]) => [fakeQuantize(x!, rows as Tensor2D, 0)],
})
await serve({ step: () => tf.dispose(quantize.run(inputs)), warm: 20 })
