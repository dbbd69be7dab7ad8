/** Eager and compiled steps on two equal nets, compared bit for bit after steps with a new random policy each. */
import { describe, expect, it } from "vitest"
import { counts, tf } from "../../src/tensor/Backend.ts"
import type { Variable } from "../../src/tensor/Backend.ts"
import { makeAdam, makeRmsProp, makeSgd } from "../../src/tensor/Optimizers.ts"
import type { Optimizer } from "../../src/tensor/Optimizers.ts"
import { makeStep } from "../../src/tensor/Step.ts"
import { makeConvNet, makeInputs } from "./convNet.ts"
import type { ConvNet } from "./convNet.ts"
import { differing, read } from "./support.ts"

const stateOf = (net: ConvNet): Array<Float32Array> => net.state.map((v) => read(v).slice())

const optimizers: Record<string, (weights: ReadonlyArray<Variable>) => Optimizer> = {
  "sgd with momentum": (w) => makeSgd(w, { momentum: 0.9, weightDecay: 5e-4 }),
  "sgd, Nesterov": (w) => makeSgd(w, { momentum: 0.9, weightDecay: 0, nesterov: true }),
  adam: (w) => makeAdam(w, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 }),
  rmsprop: (w) =>
    makeRmsProp(w, {
      decay: 0.9,
      momentum: 0.9,
      epsilon: 1,
      weightDecay: (v) => (v.rank > 1 ? 1e-4 : 0),
    }),
}

export const optimizerNames = Object.keys(optimizers)

export const describeSameBits = (names: ReadonlyArray<string>): void => {
  describe.each(names)("after many steps of %s", (name) => {
    it("the graph has the eager step's bits, in training, evaluation and held-out quality", () => {
      const nets = [makeConvNet(optimizers[name]), makeConvNet(optimizers[name])] as const
      const made = nets.map((net, i) => {
        const inputs = makeInputs(0)
        const options = { state: net.state, inputs, eager: i === 0 }
        const all = {
          train: makeStep({ ...options, body: net.train }),
          evaluate: makeStep({ ...options, body: net.evaluate }),
          heldOut: makeStep({ ...options, body: net.heldOut }),
        }
        tf.dispose(inputs)
        return all
      })
      const losses: Array<number> = []
      const steps = name === names[0] ? 20 : 6
      for (let step = 0; step < steps; step++) {
        const inputs = makeInputs(step)
        const [eager, graph] = made.map((all) =>
          (["train", "heldOut", "evaluate"] as const).flatMap((kind) => all[kind].run(inputs)),
        )
        expect(graph!.map((output, i) => differing(read(output), read(eager![i]!)))).toEqual(
          graph!.map(() => 0),
        )
        losses.push(read(graph![0]!)[0]!)
        tf.dispose([inputs, eager!, graph!])
      }
      expect(losses.every((loss) => Number.isFinite(loss))).toBe(true)
      expect(new Set(losses).size).toBe(steps)
      const [eager, graph] = nets.map(stateOf)
      expect(graph!.map((values, i) => differing(values, eager![i]!))).toEqual(graph!.map(() => 0))
      for (const all of made) for (const step of Object.values(all)) step.dispose()
      nets.forEach((net) => net.dispose())
    })
  })

  it("leaves no tensor and no handle", () => {
    const before = counts()
    const net = makeConvNet()
    const inputs = makeInputs(0)
    for (const eager of [false, true]) {
      const step = makeStep({ state: net.state, inputs, body: net.train, eager })
      tf.dispose(step.run(inputs))
      const afterOne = counts()
      for (let i = 0; i < 5; i++) tf.dispose(step.run(inputs))
      expect(counts()).toEqual(afterOne)
      step.dispose()
    }
    net.dispose()
    tf.dispose(inputs)
    expect(counts()).toEqual(before)
  })
}
