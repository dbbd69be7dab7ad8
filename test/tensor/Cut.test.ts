/**
 * Cutting: a small net of inverted residual blocks whose expansion, width, kernel and depth are tensors, against the
 * child network alone, made of copies of the cut weights with sizes known to JavaScript: the same bits.
 */
import { beforeAll, describe, expect, it } from "vitest"
import { names, parse } from "../../src/format/Formats.ts"
import { rowLength, rowNumbers, toRow } from "../../src/format/Row.ts"
import { fakeQuantize } from "../../src/quantizer/FakeQuantize.ts"
import { tf } from "../../src/tensor/Backend.ts"
import type { Scalar, Tensor, Tensor2D, Variable } from "../../src/tensor/Backend.ts"
import { cut, cutAverages, padRows, rowsIfActive, takeRows } from "../../src/tensor/Cut.ts"
import type { Size } from "../../src/tensor/Cut.ts"
import * as Convolution from "../../src/tensor/Convolution.ts"
import * as Activations from "../../src/tensor/Activations.ts"
import * as Kernels from "../../src/tensor/Kernels.ts"
import { differentiable } from "../../src/tensor/CustomGradient.ts"
import { op, type } from "../../src/tensor/Op.ts"
import { batchNormOver } from "../../src/tensor/Norms.ts"
import { makeStep } from "../../src/tensor/Step.ts"
import { differing, loadBackend, makeRandom, normal, read } from "./support.ts"

const scalars = names.filter((name) => parse(name)!.block === undefined)

beforeAll(() => loadBackend())

/** y times `active` (int32 scalar, 0 or 1), with its gradient. */
const whereActive = (y: Tensor, active: Tensor): Tensor =>
  differentiable(
    [y],
    () => {
      const factor: Tensor = tf.cast(active, "float32")
      return { value: op("Mul", [type("T")], y, factor), save: [factor] }
    },
    (dy, [factor]) => [op("Mul", [type("T")], dy, factor!)],
  )

const through = (active: Tensor) => (x: Tensor) =>
  whereActive(padRows(tf.mul(takeRows(x, rowsIfActive(active, 3)), 2), x), active)

describe("cut", () => {
  it("takes the first of each dimension, or the middle; the gradient is zero outside", () => {
    tf.tidy(() => {
      const w = tf.tensor2d([
        [1, 2, 3, 4],
        [5, 6, 7, 8],
        [9, 10, 11, 12],
      ])
      const sizes = [tf.scalar(1, "int32"), tf.scalar(2, "int32")]
      expect([...read(cut(w, sizes))]).toEqual([1, 2])
      expect([...read(cut(w, sizes, 1))]).toEqual([5, 6])
      expect([...read(cut(w, [3, 2], 2))]).toEqual([2, 3, 6, 7, 10, 11])
      expect(cut(w, [3, 4])).toBe(w)
      const [dw] = tf.grads((w) => cut(w!, sizes, 1))([w], tf.tensor2d([[2, 3]]))
      expect([...read(dw!)]).toEqual([0, 0, 0, 0, 2, 3, 0, 0, 0, 0, 0, 0])
      expect(() => cut(w, [1])).toThrow("1 sizes for a tensor of rank 2")
    })
  })

  it("rows are taken and padded back, with the gradients of that", () => {
    tf.tidy(() => {
      const x = tf.tensor2d([
        [1, 2],
        [3, 4],
        [5, 6],
      ])
      const on = tf.scalar(1, "int32")
      const off = tf.scalar(0, "int32")
      expect(takeRows(x, rowsIfActive(off, 3)).shape).toEqual([1, 2])
      expect([...read(padRows(takeRows(x, rowsIfActive(off, 3)), x))]).toEqual([1, 2, 0, 0, 0, 0])
      expect([...read(through(on)(x))]).toEqual([2, 4, 6, 8, 10, 12])
      expect([...read(through(off)(x))].every((value) => value === 0)).toBe(true)
      const [dx] = tf.grads((x) => through(on)(x!))([x], tf.ones([3, 2]))
      expect([...read(dx!)]).toEqual([2, 2, 2, 2, 2, 2])
    })
  })
})

interface Architecture {
  readonly width: number
  readonly expanded: number
  readonly kernel: number
  readonly active: number
}

const batch = 4
const widest: Architecture = { width: 16, expanded: 48, kernel: 7, active: 1 }
const classes = 5
const epsilon = 1e-5
const weightNames = ["stem", "expand", "depthwise", "project", "dense"] as const
const normNames = ["stem", "expand", "depthwise", "project"] as const
type Weights = Record<(typeof weightNames)[number], Variable>

interface Norm {
  readonly gamma: Variable
  readonly beta: Variable
  readonly mean: Variable
  readonly variance: Variable
}

interface Net {
  readonly weights: Weights
  readonly norms: Record<(typeof normNames)[number], Norm>
}

const shapesOf = ({ width, expanded, kernel }: Architecture) => ({
  stem: [3, 3, 3, width],
  expand: [1, 1, width, expanded],
  depthwise: [kernel, kernel, expanded, 1],
  project: [1, 1, expanded, width],
  dense: [width, classes],
})
const channelsOf = ({ width, expanded }: Architecture) => ({
  stem: width,
  expand: expanded,
  depthwise: expanded,
  project: width,
})

const variable = (value: () => Tensor, trainable = true): Variable =>
  tf.tidy(() => tf.variable(value(), trainable) as Variable)

const makeNet = (): Net => {
  const shapes = shapesOf(widest)
  const channels = channelsOf(widest)
  let seed = 1
  const weights = Object.fromEntries(
    weightNames.map((name) => [name, variable(() => normal(shapes[name], seed++, 0.3))]),
  ) as Weights
  const norms = Object.fromEntries(
    normNames.map((name) => [
      name,
      {
        gamma: variable(() => tf.add(1, normal([channels[name]], seed++, 0.1))),
        beta: variable(() => normal([channels[name]], seed++, 0.1)),
        mean: variable(() => tf.zeros([channels[name]]), false),
        variance: variable(() => tf.ones([channels[name]]), false),
      },
    ]),
  ) as Net["norms"]
  return { weights, norms }
}

/** Copies of the parts of `net` that the child consists of. */
const childOf = (net: Net, architecture: Architecture): Net => {
  const shapes = shapesOf(architecture)
  const channels = channelsOf(architecture)
  return {
    weights: Object.fromEntries(
      weightNames.map((name) => [
        name,
        variable(() =>
          tf.mul(cut(net.weights[name], shapes[name], name === "depthwise" ? 2 : 0), 1),
        ),
      ]),
    ) as Weights,
    norms: Object.fromEntries(
      normNames.map((name) => [
        name,
        Object.fromEntries(
          Object.entries(net.norms[name]).map(([part, v]: [string, Variable]) => [
            part,
            variable(() => tf.mul(cut(v, [channels[name]]), 1), v.trainable),
          ]),
        ),
      ]),
    ) as unknown as Net["norms"],
  }
}

const trained = (net: Net): Array<Variable> => [
  ...weightNames.map((name) => net.weights[name]),
  ...normNames.flatMap((name) => [net.norms[name].gamma, net.norms[name].beta]),
]
const averages = (net: Net): Array<Variable> =>
  normNames.flatMap((name) => [net.norms[name].mean, net.norms[name].variance])

const same = (stride: number) => ({
  strides: [stride, stride] as const,
  padding: "same" as const,
})

interface Sizes {
  readonly width: Size
  readonly expanded: Size
  readonly kernel: Size
  /** undefined: known to JavaScript, the block is there. */
  readonly active?: Tensor
}

/** The supernet when sizes are tensors, the child alone when they are numbers. Absent block: `block` false. */
const makeBody =
  (net: Net, sizesOf: (sizes: Tensor) => Sizes, block = true) =>
  ([images, labels, rows, sizes, learningRate]: ReadonlyArray<Tensor>): Array<Tensor> => {
    const { width, expanded, kernel, active } = sizesOf(sizes!)
    const q = (x: Tensor, site: number) => fakeQuantize(x, rows as Tensor2D, site)
    const normed = (x: Tensor, name: (typeof normNames)[number], size: Size, active?: Tensor) => {
      const { gamma, beta, mean, variance } = net.norms[name]
      const running = cutAverages(mean, variance, size, active)
      const options = { momentum: 0.1, epsilon }
      return batchNormOver(x, cut(gamma, [size]), cut(beta, [size]), options, running)
    }
    const forward = (): Tensor => {
      const { stem, expand, depthwise, project, dense } = net.weights
      let x: Tensor = Convolution.conv2d(images!, cut(stem, [3, 3, 3, width]), same(2))
      x = Activations.relu(normed(x, "stem", width))
      if (block) {
        let y = active === undefined ? x : takeRows(x, rowsIfActive(active, batch))
        y = Convolution.conv2d(q(y, 0), q(cut(expand, [1, 1, width, expanded]), 1), same(1))
        y = Activations.relu6(normed(y, "expand", expanded, active))
        const filter = cut(depthwise, [kernel, kernel, expanded, 1], 2)
        y = Convolution.depthwiseConv2d(q(y, 2), q(filter, 3), same(1))
        y = Activations.swish(normed(y, "depthwise", expanded, active))
        y = Convolution.conv2d(q(y, 4), q(cut(project, [1, 1, expanded, width]), 5), same(1))
        y = normed(y, "project", width, active)
        x = Kernels.add(x, active === undefined ? y : whereActive(padRows(y, x), active))
      }
      return Kernels.matMul(Kernels.globalAveragePool(x), cut(dense, [width, classes]))
    }
    let logits!: Tensor
    const { value, grads } = tf.variableGrads(
      () => {
        logits = tf.keep(forward())
        return Kernels.softmaxCrossEntropy(logits, labels!)
      },
      trained(net).filter((v) => block || !isOfBlock(net, v)),
    )
    for (const v of trained(net)) {
      const gradient = grads[v.name]
      if (gradient !== undefined)
        v.assign(tf.sub(v, tf.mul(gradient, learningRate as Scalar)) as Variable)
    }
    return [
      value,
      tf.tidy(() => tf.mul(logits, 1)),
      ...[logits].map((t) => (t.dispose(), tf.scalar(0))),
    ]
  }

const isOfBlock = ({ weights, norms }: Net, v: Variable): boolean =>
  [weights.expand, weights.depthwise, weights.project].includes(v) ||
  (["expand", "depthwise", "project"] as const).some(
    (name) => norms[name].gamma === v || norms[name].beta === v,
  )

const scalarsOf = (sizes: Tensor): Sizes => {
  const [width, expanded, kernel, active] = tf.unstack(sizes) as Array<Tensor>
  return { width: width!, expanded: expanded!, kernel: kernel!, active: active! }
}

const randomArchitecture = (random: () => number): Architecture => {
  const one = <A>(options: ReadonlyArray<A>): A => options[Math.floor(random() * options.length)]!
  const width = one([8, 12, 16])
  return {
    width,
    expanded: width * one([1, 2, 3]),
    kernel: one([1, 3, 5, 7]),
    active: one([0, 1, 1]),
  }
}

const inputsAt = (step: number, { width, expanded, kernel, active }: Architecture) => {
  const random = makeRandom(step + 5)
  const rows = Array.from({ length: 6 }, () =>
    rowNumbers(toRow(parse(scalars[Math.floor(random() * scalars.length)]!)!)),
  )
  return [
    normal([batch, 16, 16, 3], step),
    tf.tensor1d(
      Int32Array.from({ length: batch }, () => Math.floor(random() * classes)),
      "int32",
    ),
    tf.tensor2d(rows.flat(), [6, rowLength]),
    tf.tensor1d([width, expanded, kernel, active], "int32"),
    tf.scalar(0.05),
  ]
}
const bits = (net: Net) => [...trained(net), ...averages(net)].map((v) => read(v).slice())

const architectureSizes = ({ width, expanded, kernel }: Architecture): Sizes => ({
  width,
  expanded,
  kernel,
})

describe("a supernet of cuts", () => {
  it("has the bits of the child alone: loss, logits, updated weights, running averages", () => {
    const random = makeRandom(1)
    const net = makeNet()
    const state = [...trained(net), ...averages(net)]
    const step = makeStep({ state, inputs: inputsAt(0, widest), body: makeBody(net, scalarsOf) })
    for (let i = 0; i < 12; i++) {
      const architecture = randomArchitecture(random)
      const inputs = inputsAt(i, architecture)
      const child = childOf(net, architecture)
      const before = bits(net)
      const [loss, logits] = step.run(inputs)
      const block = architecture.active === 1
      const alone = makeStep({
        state: [...trained(child), ...averages(child)],
        inputs,
        body: makeBody(child, () => architectureSizes(architecture), block),
      })
      const [childLoss, childLogits] = alone.run(inputs)
      expect(differing(read(loss!), read(childLoss!))).toBe(0)
      expect(differing(read(logits!), read(childLogits!))).toBe(0)
      expect(
        bits(childOf(net, architecture)).map((values, k) => differing(values, bits(child)[k]!)),
      ).toEqual(before.map(() => 0))
      // Outside the cut nothing changed.
      const outside = bits(net).map((values, k) => differing(values, before[k]!))
      const inside = bits(child).map((values) => values.length)
      expect(outside.every((count, k) => count <= inside[k]!)).toBe(true)
      alone.dispose()
    }
    step.dispose()
  })

  it("has the same bits eagerly and in the graph", () => {
    const random = makeRandom(2)
    const nets = [makeNet(), makeNet()] as const
    const steps = nets.map((net, i) =>
      makeStep({
        state: [...trained(net), ...averages(net)],
        inputs: inputsAt(0, widest),
        body: makeBody(net, scalarsOf),
        eager: i === 0,
      }),
    )
    for (let i = 0; i < 10; i++) {
      const inputs = inputsAt(i, randomArchitecture(random))
      const [eager, graph] = steps.map((step) => step.run(inputs).map(read))
      expect(graph!.map((values, k) => differing(values, eager![k]!))).toEqual(graph!.map(() => 0))
    }
    const [eager, graph] = nets.map(bits)
    expect(graph!.map((values, k) => differing(values, eager![k]!))).toEqual(graph!.map(() => 0))
  })
})
