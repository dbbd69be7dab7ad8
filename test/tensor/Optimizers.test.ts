import { beforeAll, expect, it } from "vitest"
import { counts, tf } from "../../src/tensor/Backend.ts"
import type { Variable } from "../../src/tensor/Backend.ts"
import { makeAdam, makeRmsProp, makeSgd } from "../../src/tensor/Optimizers.ts"
import type { Optimizer } from "../../src/tensor/Optimizers.ts"
import { loadBackend, read } from "./support.ts"

beforeAll(() => loadBackend())

const start = [1, -2, 0.5]
const gradients = [
  [0.5, 1, -1],
  [0.25, -1, 2],
  [-3, 0.125, 0],
]
const rates = [0.1, 0.05, 0.2]

/** Weights after three steps of the tensors' optimizer. */
const run = (make: (variables: ReadonlyArray<Variable>) => Optimizer): Float32Array => {
  const before = counts()
  const variable = tf.tidy(() => tf.variable(tf.tensor1d(start)) as Variable)
  const optimizer = make([variable])
  gradients.forEach((gradient, i) =>
    tf.tidy(() =>
      optimizer.update({ [variable.name]: tf.tensor1d(gradient) }, tf.scalar(rates[i]!)),
    ),
  )
  const result = read(variable).slice()
  tf.dispose([variable, ...optimizer.state])
  expect(counts()).toEqual(before)
  return result
}

/** The same by a rule for one number in float64. */
const expected = (make: () => (w: number, g: number, rate: number) => number): Array<number> =>
  start.map((w, k) => {
    const rule = make()
    return gradients.reduce((w, gradient, i) => rule(w, gradient[k]!, rates[i]!), w)
  })

const check = (found: Float32Array, wanted: Array<number>): void =>
  found.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 5))

it.each([false, true])("sgd with momentum and weight decay, Nesterov %s", (nesterov) => {
  const rule = () => {
    let v = 0
    return (w: number, g: number, rate: number) => {
      const total = g + 0.01 * w
      v = 0.9 * v + total
      return w - rate * (nesterov ? total + 0.9 * v : v)
    }
  }
  const options = { momentum: 0.9, weightDecay: 0.01, nesterov }
  check(
    run((variables) => makeSgd(variables, options)),
    expected(rule),
  )
})

it("adam with bias correction and decoupled decay", () => {
  const rule = () => {
    let [m, v, t] = [0, 0, 0]
    return (w: number, g: number, rate: number) => {
      t++
      m = 0.9 * m + 0.1 * g
      v = 0.99 * v + 0.01 * g * g
      const direction = m / (1 - 0.9 ** t) / (Math.sqrt(v / (1 - 0.99 ** t)) + 1e-6)
      return w - rate * (direction + 0.01 * w)
    }
  }
  const options = { beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.01 }
  check(
    run((variables) => makeAdam(variables, options)),
    expected(rule),
  )
})

it("rmsprop as TuNAS uses it", () => {
  const rule = () => {
    let [s, v] = [1, 0]
    return (w: number, g: number, rate: number) => {
      const total = g + 0.01 * w
      s = 0.9 * s + 0.1 * total * total
      v = 0.8 * v + (rate * total) / Math.sqrt(s + 1)
      return w - v
    }
  }
  const options = { decay: 0.9, momentum: 0.8, epsilon: 1, weightDecay: 0.01 }
  check(
    run((variables) => makeRmsProp(variables, options)),
    expected(rule),
  )
})

it("decays only what it is told to", () => {
  const w = tf.variable(tf.tensor1d([2])) as Variable
  const optimizer = makeSgd([w], { momentum: 0, weightDecay: ({ rank }) => (rank > 1 ? 1 : 0) })
  optimizer.update({ [w.name]: tf.tensor1d([0]) }, tf.scalar(1))
  expect(read(w)[0]).toBe(2)
})

it("asks for every gradient", () => {
  const w = tf.variable(tf.tensor1d([2])) as Variable
  const optimizer = makeSgd([w], { momentum: 0, weightDecay: 0 })
  expect(() => optimizer.update({}, tf.scalar(1))).toThrow(`no gradient for the variable ${w.name}`)
})
