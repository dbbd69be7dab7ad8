/** Steps in which the largest network teaches a narrower one. */
import { Effect } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import { makeBatches } from "../../src/data/Batches.ts"
import { narrowestChoices, widestChoices } from "../../src/space/DecisionSpace.ts"
import { makeSupernet } from "../../src/supernet/Supernet.ts"
import { counts, load } from "../../src/tensor/Backend.ts"
import { makeSteps, type Steps } from "../../src/train/Steps.ts"
import { buildSpace } from "../network/fixture.ts"
import * as tiny from "../supernet/tiny.ts"
import * as Trained from "./trained.ts"

beforeAll(() => Effect.runPromise(load({ threads: 1 })))

const batchSize = 8

/** What `use` makes of the steps of a fresh network, and its variables afterwards. */
const withSteps = <A>(
  yaml: string,
  eager: boolean,
  labelSmoothing: number,
  use: (steps: Steps, data: ReturnType<typeof makeBatches>) => A,
) => {
  const network = buildSpace(yaml)
  const dataset = Trained.makeImages(network.graph.input, 256, 32)
  const data = makeBatches(dataset, { batchSize, augment: [], heldOut: 64, seed: 5 })
  const supernet = makeSupernet(network, 7)
  const spec = {
    steps: 20,
    optimizer: { kind: "sgd", momentum: 0.9, weightDecay: 0 },
    learningRate: { kind: "constant", peak: 0.05, warmupSteps: 0 },
    labelSmoothing,
  } as const
  const steps = makeSteps(supernet, dataset, batchSize, spec, eager)
  const result = use(steps, data)
  const weights = Object.fromEntries(
    supernet.variables.map(({ name, variable }) => [name, Array.from(variable.dataSync())]),
  )
  steps.dispose()
  supernet.dispose()
  return { result, weights }
}

describe("a step in which the largest network teaches", () => {
  it.each(Object.entries(tiny))(
    "is recorded with the eager step's bits: %s",
    (_, yaml) => {
      const before = counts()
      const { space } = buildSpace(yaml)
      const run = (eager: boolean) =>
        withSteps(yaml, eager, 0.1, (steps, data) =>
          [0, 1, 2].map((i) => {
            const drawn = space.decisions.map(({ options }) => i % options.length)
            return steps.distill(data.trainBatch(i), drawn, widestChoices(space), 0.05, [i, -i])
          }),
        )
      const recorded = run(false)
      expect(recorded).toEqual(run(true))
      expect(recorded.result.every(({ loss }) => Number.isFinite(loss))).toBe(true)
      expect(counts()).toEqual(before)
    },
    60_000,
  )

  /** Without norms, so that a pass leaves nothing but gradients. */
  const plain = `
name: plain
input: { height: 16, width: 16, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: { oneOf: [4, 8] }, kernel: 3, stride: 2, norm: none }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [FP32] }
`
  const { space } = buildSpace(plain)
  const [narrow, wide] = [narrowestChoices(space), widestChoices(space)]

  it("trains the channels that only the largest network has as a step under it alone does", () => {
    const taught = withSteps(plain, false, 0, (steps, data) =>
      steps.distill(data.trainBatch(0), narrow, wide, 0.5),
    )
    const alone = withSteps(plain, false, 0, (steps, data) =>
      steps.train(data.trainBatch(0), wide, 0.5),
    )
    const untrained = withSteps(plain, false, 0, () => null)
    // weight [3, 3, 3, 8]: the narrow network has the first four of eight
    const columns = (values: ReadonlyArray<number>, from: number) =>
      values.filter((__, i) => Math.floor((i % 8) / 4) === from)
    const weight = (run: { readonly weights: Record<string, Array<number>> }) =>
      run.weights["stem.weight"]!
    const [second, first] = [1, 0]
    expect(columns(weight(taught), second)).toEqual(columns(weight(alone), second))
    expect(columns(weight(taught), second)).not.toEqual(columns(weight(untrained), second))
    expect(columns(weight(taught), first)).not.toEqual(columns(weight(alone), first))
  })

  it("says the loss and the accuracy of the narrow network on the labels", () => {
    const { result } = withSteps(plain, false, 0, (steps, data) => {
      const batch = data.trainBatch(0)
      const { loss, accuracy } = steps.measure(batch, narrow)
      const step = steps.distill(batch, narrow, wide, 0.1)
      return { before: { loss, accuracy }, step: { loss: step.loss, accuracy: step.accuracy } }
    })
    expect(result.step.loss).toBeCloseTo(result.before.loss, 5)
    expect(result.step.accuracy).toBeCloseTo(result.before.accuracy, 5)
  })
})
