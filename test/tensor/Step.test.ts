import { beforeAll, describe, expect, it } from "vitest"
import { counts, tf } from "../../src/tensor/Backend.ts"
import type { Scalar, Tensor, Variable } from "../../src/tensor/Backend.ts"
import { BackendError } from "../../src/tensor/Errors.ts"
import { castBytes, bytesTensor, softmaxCrossEntropy } from "../../src/tensor/Kernels.ts"
import { makeStep } from "../../src/tensor/Step.ts"
import type { StepOptions } from "../../src/tensor/Step.ts"
import { loadBackend, normal, read } from "./support.ts"

beforeAll(() => loadBackend())

const variable = (values: Array<number>): Variable =>
  tf.tidy(() => tf.variable(tf.tensor1d(values)) as Variable)
const uses = (big: () => Tensor) => () =>
  make({ body: ([x]) => [tf.add(tf.sum(big()), tf.sum(x!))] })
const make = (options: Partial<StepOptions> & Pick<StepOptions, "body">) =>
  makeStep({ state: [], inputs: [tf.tensor1d([1, 2, 3])], ...options })

describe.each([false, true])("a step, eager %s", (eager) => {
  it("assigns to variables and returns results that the caller owns", () => {
    const w = variable([1, 1, 1])
    const step = make({
      state: [w],
      eager,
      body: ([x]) => {
        w.assign(tf.add(w, x!) as Variable)
        return [tf.sum(w), x!, w]
      },
    })
    expect([...read(w)]).toEqual([1, 1, 1])
    const x = tf.tensor1d([1, 2, 3])
    const before = counts().tensors
    const [sum, same, now] = step.run([x])
    expect(counts().tensors).toBe(before + 3)
    expect([...read(w)]).toEqual([2, 3, 4])
    expect(read(sum!)[0]).toBe(9)
    expect([...read(same!)]).toEqual([1, 2, 3])
    tf.dispose(step.run([x]))
    expect([...read(w)]).toEqual([3, 5, 7])
    expect([...read(now!)]).toEqual([2, 3, 4])
    step.dispose()
  })

  it("refuses other shapes, element types and numbers of inputs", () => {
    const step = make({ eager, body: ([x]) => [tf.sum(x!)] })
    expect(() => step.run([tf.tensor1d([1, 2])])).toThrow(
      "input 0 of the step has shape [2]; it was recorded as [3]",
    )
    expect(() => step.run([tf.tensor1d([1, 2, 3], "int32")])).toThrow("another element type")
    expect(() => step.run([])).toThrow("the step takes 1 inputs, 0 were given")
  })

  it("takes bytes", () => {
    const step = make({
      inputs: [bytesTensor(Uint8Array.of(0, 0), [2])],
      eager,
      body: ([x]) => [castBytes(x!)],
    })
    const [y] = step.run([bytesTensor(Uint8Array.of(3, 200), [2])])
    expect([...read(y!)]).toEqual([3, 200])
  })

  it("leaves its state alone when it fails", () => {
    const w = variable([1, 1, 1])
    const logits = normal([2, 3], 1)
    const step = make({
      state: [w],
      inputs: [logits, tf.tensor1d([0, 1], "int32")],
      eager,
      body: ([logits, labels]) => {
        w.assign(tf.add(w, 1) as Variable)
        return [softmaxCrossEntropy(logits!, labels!)]
      },
    })
    const wrong = tf.tensor1d([0, 7], "int32")
    expect(() => step.run([logits, wrong])).toThrow(/label value of 7|outside the valid range/)
    expect([...read(w)]).toEqual([1, 1, 1])
  })
})

describe("a compiled step", () => {
  it("says that TensorFlow failed by a BackendError", () => {
    const logits = normal([2, 3], 1)
    const step = make({
      inputs: [logits, tf.tensor1d([0, 1], "int32")],
      body: ([logits, labels]) => [softmaxCrossEntropy(logits!, labels!)],
    })
    expect(() => step.run([logits, tf.tensor1d([0, 7], "int32")])).toThrow(BackendError)
  })
})

describe("recording refuses", () => {
  it("a value read in the step", () => {
    expect(() => make({ body: ([x]) => [tf.mul(x!, read(tf.sum(x!))[0]!)] })).toThrow(
      "the step reads a value",
    )
    const { binding } = tf.backend() as unknown as { binding: object }
    expect(Object.keys(binding)).toEqual([])
    expect(read(tf.add(1, 2))[0]).toBe(3)
  })

  it("large constants, made in the step or before it", () => {
    const outside = normal([65, 64], 1)
    expect(uses(() => outside)).toThrow("Sum uses [65, 64] values")
    expect(uses(() => tf.zeros([5000]))).toThrow("make them an input of the step")
    expect(uses(() => tf.zeros([64, 64]))).not.toThrow()
  })

  it("random numbers of tfjs", () => {
    expect(() => make({ body: ([x]) => [tf.dropout(x!, 0.5)] })).toThrow(
      "the step cannot be recorded: the values that Add takes change",
    )
    expect(() => make({ body: ([x]) => [tf.add(x!, tf.randomNormal([3]))] })).toThrow(
      "Add takes change",
    )
  })

  it("a counter, and a branch that changes", () => {
    let count = 0
    expect(() => make({ body: ([x]) => [tf.mul(x!, ++count)] })).toThrow(
      "change from one recording",
    )
    let turn = 0
    expect(() => make({ body: ([x]) => [turn++ === 0 ? tf.abs(x!) : tf.neg(x!)] })).toThrow(
      "operation 0 is Abs(input0) in one recording and Neg(input0) in the next",
    )
    let length = 0
    expect(() => make({ body: ([x]) => (length++ === 0 ? [x!] : [x!, tf.neg(x!)]) })).toThrow(
      "operation",
    )
  })

  it("variables that are not in its state", () => {
    const w = variable([1, 2, 3])
    expect(() => make({ body: ([x]) => [tf.add(x!, w)] })).toThrow(
      `the step uses the variable ${w.name}, which is not in its state`,
    )
  })

  it("tensors that are kept", () => {
    expect(() => make({ body: ([x]) => [tf.keep(tf.neg(x!))] })).toThrow("leaves 1 tensors behind")
  })

  it("a step inside a step", () => {
    const inner = make({ body: ([x]) => [tf.neg(x!)] })
    expect(() => make({ body: (inputs) => inner.run(inputs) })).toThrow("another compiled step")
  })
})

describe("recording accepts", () => {
  it("variables that share their first value", () => {
    const start = tf.tensor1d([1, 2, 3])
    const [a, b] = [tf.variable(start), tf.variable(start)]
    const step = make({
      state: [a as Variable, b as Variable],
      body: ([x]) => {
        a.assign(tf.add(a, x!) as typeof a)
        return [a]
      },
    })
    const [result] = step.run([tf.tensor1d([1, 1, 1])])
    expect([...read(result!)]).toEqual([2, 3, 4])
    expect([...read(b)]).toEqual([1, 2, 3])
  })

  it("the same tensor given twice as an example", () => {
    const x = tf.scalar(2)
    const step = make({ inputs: [x, x], body: ([a, b]) => [tf.sub(a!, b as Scalar)] })
    expect(read(step.run([tf.scalar(5), tf.scalar(3)])[0]!)[0]).toBe(2)
  })

  it("small constants of every kind, keeping signs of zero and NaN", () => {
    const step = make({
      body: ([x]) => [
        tf.concat([
          tf.mul(x!, -0),
          tf.mul(x!, 0),
          tf.mul(x!, Number.NaN),
          tf.add(x!, tf.tensor1d([0.5, 1.5, 2.5])),
          tf.cast(tf.greater(x!, 1), "float32"),
          tf.gather(x!, tf.tensor1d([2, 0], "int32")),
        ]),
      ],
    })
    const [y] = step.run([tf.tensor1d([1, 2, 3])])
    expect([...read(y!)]).toEqual([
      -0,
      -0,
      -0,
      0,
      0,
      0,
      NaN,
      NaN,
      NaN,
      1.5,
      3.5,
      5.5,
      0,
      1,
      1,
      3,
      1,
    ])
  })
})
