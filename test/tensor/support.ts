/** Shared by the tests that run tensors: the backend of this process, seeded values, comparison of bits. */
import { Effect } from "effect"
import * as Backend from "../../src/tensor/Backend.ts"
import type { Tensor, Variable } from "../../src/tensor/Backend.ts"
import { batchNormOver, type NormOptions } from "../../src/tensor/Norms.ts"

/** One backend per test file: vitest runs each file in a process of its own. */
export const loadBackend = (native = true, threads = 2): Promise<void> =>
  Effect.runPromise(Backend.load({ threads, native }))

/** Numbers in [0, 1) by a linear congruence: the same in every run. */
export const makeRandom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** Roughly normal, seeded. */
export const normal = (shape: ReadonlyArray<number>, seed: number, scale = 1): Tensor => {
  const random = makeRandom(seed)
  const size = shape.reduce((a, b) => a * b, 1)
  const values = Float32Array.from(
    { length: size },
    () => scale * (random() + random() + random() + random() - 2) * Math.sqrt(3),
  )
  return Backend.tf.tensor(values, [...shape])
}

export const bitsOf = (values: Float32Array): Uint32Array =>
  new Uint32Array(values.buffer, values.byteOffset, values.length)

/** How many elements differ in any bit; two NaN are equal. */
export const differing = (a: Float32Array, b: Float32Array): number => {
  const x = bitsOf(a)
  const y = bitsOf(b)
  let count = a.length === b.length ? 0 : Infinity
  for (const [i, bits] of x.entries())
    if (bits !== y[i] && !(Number.isNaN(a[i]) && Number.isNaN(b[i]))) count++
  return count
}

export const read = (tensor: Tensor): Float32Array => tensor.dataSync() as Float32Array

/** Batch norm in training, with variables for the running averages. */
export const batchNorm = (
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  mean: Variable,
  variance: Variable,
  options: NormOptions,
): Tensor =>
  batchNormOver(x, gamma, beta, options, {
    mean,
    variance,
    assign: (newMean, newVariance) => {
      mean.assign(newMean as Variable)
      variance.assign(newVariance as Variable)
    },
  })
