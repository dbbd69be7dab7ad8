/** Training under policies that are dealt, eager or recorded, down to the bits that must be equal. No vitest in here. */
import { createHash } from "node:crypto"
import { makeBatches } from "../../src/data/Batches.ts"
import type { Dataset } from "../../src/data/Dataset.ts"
import { makeSynthetic } from "../../src/data/Synthetic.ts"
import type { Network } from "../../src/network/Network.ts"
import { makeSupernet } from "../../src/supernet/Supernet.ts"
import type { Norms } from "../../src/search/policy/CommonKnobs.ts"
import type { Choices } from "../../src/space/Decision.ts"
import { finish } from "../../src/train/Finish.ts"
import { makeSteps } from "../../src/train/Steps.ts"

const spec = {
  steps: 20,
  optimizer: { kind: "sgd", momentum: 0.9, weightDecay: 5e-4 },
  learningRate: { kind: "constant", peak: 0.05, warmupSteps: 0 },
  labelSmoothing: 0.1,
} as const

/** Images of one size in few classes: labels are bytes. */
export const makeImages = (
  { height, width, channels }: Network["graph"]["input"],
  train: number,
  test: number,
): Dataset =>
  makeSynthetic({
    kind: "synthetic",
    batchSize: 1,
    augment: [],
    heldOut: 0,
    height,
    width,
    channels,
    classes: 10,
    train,
    test,
    noise: 1,
    dataSeed: 1,
  })

export interface TrainedOptions {
  readonly eager: boolean
  /** What norms go by where it measures. */
  readonly norms?: Norms
  readonly batchSize: number
  readonly heldOut: number
  readonly recalibrate: number
  /** The choices of the next pass; undefined ends the training. Asked twice a step: to train, to measure. */
  readonly deal: () => Choices | undefined
  /** The choices of the end. */
  readonly final: Choices
}

/** Trains on the policies that are dealt and finishes: everything that must have equal bits. */
export const trained = async (network: Network, dataset: Dataset, options: TrainedOptions) => {
  const { batchSize, heldOut, final } = options
  const data = makeBatches(dataset, { batchSize, augment: ["flip", "crop"], heldOut, seed: 5 })
  const supernet = makeSupernet(network, 7)
  const steps = makeSteps(supernet, dataset, batchSize, spec, options.eager, options)
  const losses: Array<number> = []
  const norms: Array<ReadonlyArray<number>> = []
  const seconds: Array<number> = []
  for (let i = 0; ; i++) {
    const [choices, measured] = [options.deal(), options.deal()]
    if (choices === undefined || measured === undefined) break
    const start = performance.now()
    const { loss, weightNorms } = steps.train(data.trainBatch(i), choices, 0.05, [i, -i])
    losses.push(loss)
    norms.push([...weightNorms])
    seconds.push((performance.now() - start) / 1000)
    losses.push(steps.measure(data.heldOutBatch(i), measured).loss)
  }
  const weights = supernet.variables.map(({ name, variable }) => {
    const { buffer, byteOffset, byteLength } = variable.dataSync() as Float32Array
    const bytes = new Uint8Array(buffer, byteOffset, byteLength)
    return `${name} ${createHash("sha256").update(bytes).digest("hex")}`
  })
  const finishing = { recalibrate: options.recalibrate, evaluate: "test" } as const
  const end = await finish(supernet, steps, data, final, finishing, losses.length / 2, batchSize)
  const scores = Array.from(steps.evaluate(data.trainBatch(0), final, end.frozen))
  const parameters = supernet.variables.reduce(
    (sum, { kind, variable }) => sum + (kind === "trained" ? variable.size : 0),
    0,
  )
  steps.dispose()
  supernet.dispose()
  const bits = {
    losses,
    norms,
    weights,
    accuracy: end.accuracy,
    amax: Array.from(end.frozen.amax),
    scores,
  }
  return { bits, parameters, seconds }
}
