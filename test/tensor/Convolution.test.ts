/**
 * Filter gradients of strided convolutions, of any number of channels: right, and the same every time. Kernels of some
 * processors write past their buffers where channels are no multiple of eight.
 */
import { beforeAll, describe, expect, it } from "vitest"
import { loaded, tf } from "../../src/tensor/Backend.ts"
import { usesNarrowKernels } from "../../src/tensor/Arithmetic.ts"
import type { Tensor, Tensor4D } from "../../src/tensor/Backend.ts"
import { conv2d, type ConvolutionOptions } from "../../src/tensor/Convolution.ts"
import { cut } from "../../src/tensor/Cut.ts"
import { whole } from "../../src/tensor/Op.ts"
import { makeStep } from "../../src/tensor/Step.ts"
import { differing, loadBackend, normal, read } from "./support.ts"

beforeAll(() => loadBackend(true, 2))

/** sum over images and pixels of x times dy, where a 1 x 1 kernel meets them, in float64. */
const expected = (x: Tensor4D, dy: Tensor4D, [v, h]: readonly [number, number]): Float64Array => {
  const [images, rows, columns, inputs] = x.shape
  const [, outRows, outColumns, outputs] = dy.shape
  const [a, b] = [read(x), read(dy)]
  const sums = new Float64Array(inputs * outputs)
  for (let n = 0; n < images; n++)
    for (let r = 0; r < outRows; r++)
      for (let c = 0; c < outColumns; c++)
        for (let i = 0; i < inputs; i++)
          for (let o = 0; o < outputs; o++)
            sums[i * outputs + o]! +=
              a[((n * rows + r * v) * columns + c * h) * inputs + i]! *
              b[((n * outRows + r) * outColumns + c) * outputs + o]!
  return sums
}

const gradient = (x: Tensor, w: Tensor, dy: Tensor, options: ConvolutionOptions): Tensor =>
  tf.tidy(() => tf.grad((w: Tensor) => conv2d(x, w, options))(w, dy))

/** [1, 1, ...] as [3, 3, ...], with zeros around. */
const inTheMiddle = (values: Float64Array): Float64Array => {
  const all = new Float64Array(9 * values.length)
  all.set(values, 4 * values.length)
  return all
}

const stock = (x: Tensor4D, weight: Tensor, dy: Tensor4D): Float32Array =>
  read(tf.tidy(() => tf.grad((w: Tensor) => tf.conv2d(x, w as Tensor4D, 2, "same"))(weight, dy)))

const strides: ReadonlyArray<readonly [number, number]> = [
  [2, 2],
  [1, 2],
]
const channels = [1, 3, 4, 6, 7, 8, 12, 13, 20]

describe("the filter gradient of a 1 x 1 kernel with strides", () => {
  it.each(strides.flatMap((stride) => channels.map((count) => [stride, count] as const)))(
    "%j and %i channels is right, and the same every time",
    (stride, inputs) => {
      const [v, h] = stride
      const x = normal([8, 32, 32, inputs], 1) as Tensor4D
      const w = normal([1, 1, inputs, 12], 2)
      const dy = normal([8, Math.ceil(32 / v), Math.ceil(32 / h), 12], 3) as Tensor4D
      const options = { strides: stride, padding: "same" } as const
      const right = expected(x, dy, stride)
      const first = read(gradient(x, w, dy, options)).slice()
      for (const [i, value] of first.entries()) expect(value).toBeCloseTo(right[i]!, 2)
      for (let repeat = 0; repeat < 5; repeat++) {
        const again = gradient(x, w, dy, options)
        expect(differing(read(again), first)).toBe(0)
        again.dispose()
      }
      tf.dispose([x, w, dy])
    },
  )

  it.each(
    [1, 3, 127].flatMap((images) => [false, true].map((isSearched) => ({ images, isSearched }))),
  )(
    "of $images images, no multiple of the threads, is right; kernel cut: $isSearched",
    ({ images, isSearched }) => {
      const x = normal([images, 12, 12, 8], 7) as Tensor4D
      const w = normal([1, 1, 8, 12], 8)
      const dy = normal([images, 6, 6, 12], 9) as Tensor4D
      const options = { strides: [2, 2], padding: "same", mayBePointwise: isSearched } as const
      const right = expected(x, dy, [2, 2])
      const once = () =>
        tf.tidy(() =>
          tf.grad((w: Tensor) =>
            conv2d(x, isSearched ? cut(w, [whole(1), whole(1), 8, 12], 2) : w, options),
          )(w, dy),
        )
      // oneDNN's own kernel ends the process within some hundred calls
      for (let repeat = 0; repeat < 500; repeat++) once().dispose()
      const last = once()
      for (const [i, value] of read(last).entries()) expect(value).toBeCloseTo(right[i]!, 2)
      tf.dispose([x, w, dy, last])
    },
  )

  it.each([1, 3])("that was cut out of 3 x 3 to %i is right, alone and in a graph", (size) => {
    const [inputs, outputs] = [6, 12]
    const x = normal([8, 32, 32, inputs], 4) as Tensor4D
    const weight = normal([3, 3, inputs, outputs], 5)
    const dy = normal([8, 16, 16, outputs], 6) as Tensor4D
    const options = { strides: [2, 2], padding: "same", mayBePointwise: true } as const
    const body = ([x, weight, dy, size]: ReadonlyArray<Tensor>) => [
      tf.grad((weight: Tensor) =>
        conv2d(x!, cut(weight, [size!, size!, inputs, outputs], 2), options),
      )(weight!, dy!),
    ]
    const run = (eager: boolean): Float32Array => {
      const step = makeStep({ state: [], inputs: [x, weight, dy, whole(3)], body, eager })
      const [value] = step.run([x, weight, dy, whole(size)])
      step.dispose()
      return read(value!).slice()
    }
    const graph = run(false)
    expect(differing(graph, run(true))).toBe(0)
    const right = size === 1 ? inTheMiddle(expected(x, dy, [2, 2])) : stock(x, weight, dy)
    for (const [i, value] of right.entries()) expect(graph[i]).toBeCloseTo(value, 2)
  })
})

describe("kernels for processors without AVX-512", () => {
  const on = { TF_ENABLE_ONEDNN_OPTS: "1" }
  it.each<
    readonly [
      flags: ReadonlyArray<string>,
      oneDnn: "on" | "off" | "default",
      variables: Readonly<Record<string, string>>,
      narrow: boolean,
    ]
  >([
    [["avx", "avx2", "fma"], "on", on, true],
    [["avx", "avx2", "fma"], "off", { TF_ENABLE_ONEDNN_OPTS: "0" }, false],
    [["avx", "avx2", "fma"], "default", {}, false],
    [["avx2", "avx_vnni"], "default", {}, true],
    [["avx2", "avx512f", "avx512_vnni"], "on", on, false],
    [["avx2", "avx512f", "avx512_vnni"], "default", {}, false],
    [["avx2", "avx512f"], "on", { ...on, ONEDNN_MAX_CPU_ISA: "AVX2" }, true],
    [["avx2", "avx512f"], "on", { ...on, ONEDNN_MAX_CPU_ISA: "avx2_vnni" }, true],
    [["avx2", "avx512f"], "on", { ...on, ONEDNN_MAX_CPU_ISA: "AVX512_CORE" }, false],
    [["avx2", "avx512f", "avx512_vnni"], "default", { ONEDNN_MAX_CPU_ISA: "AVX2" }, true],
  ])("%j, oneDNN %s, %j: %s", (processorFlags, oneDnn, variables, narrow) => {
    const here = loaded()!.arithmetic
    expect(usesNarrowKernels({ ...here, processorFlags, oneDnn, variables })).toBe(narrow)
  })
})
