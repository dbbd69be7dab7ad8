/**
 * The comparison that every export passes before it is called done: the file, run by a runtime that is not ours, against the
 * child network under the same frozen scales, on real images.
 *
 * Both add float32 products, each in an order of its own. So a value now and then lies on the other side of a rounding
 * boundary, one step of its format apart, and what follows differs on that image: in a deep network of few bits this moves
 * the logits of one image in ten by some percent, of a rare one by half, and those of the others not at all. A mistake
 * moves them all. So three of four images have a narrow bound, and any one image a wide one. The largest logit must be the
 * same one on every image; few may differ, where the child's own two largest are close together. Left out: writing and
 * removing files (`cli/`).
 */
import { rowLength } from "../format/Row.ts"
import { makeSupernet } from "../supernet/Supernet.ts"
import { tf } from "../tensor/Backend.ts"
import type { Values } from "../data/Dataset.ts"
import type { Tensor1D, Tensor2D } from "../tensor/Backend.ts"
import { setValues } from "../tensor/Kernels.ts"
import { imagesTensor, normalise } from "../train/StepInputs.ts"
import { type FoundModel, valuesNamed } from "./FoundModel.ts"
import type { Runner } from "./Target.ts"

/** Images to compare: [count, height, width, channels]. */
export interface ImageBatch {
  readonly images: Values
  readonly count: number
}

export interface Verified {
  readonly runtime: string
  readonly images: number
  /** Images on which the largest logit is the same one. */
  readonly same: number
  /** Of the others, those on which the child's two largest logits are close together. */
  readonly ties: number
  /** Largest |difference| of a logit on the three quarters of the images that differ least. */
  readonly typical: number
  /** What `typical` may be: a share of the largest |logit| of the child. */
  readonly bound: number
  /** Largest |difference| of a logit on any image. */
  readonly largest: number
  /** What `largest` may be. */
  readonly limit: number
  readonly passed: boolean
}

/** What the logits of three in four images may differ by, of the largest |logit|. */
export const widestBound = 0.05
const typicalPart = 0.75
/** What those of any image may differ by, in bounds. */
const timesForAny = 20
/** How close together the child's two largest logits are in a tie, in bounds. */
const timesForTie = 4
/** How many images may be ties, of all. */
const mostTies = 0.1

/** The child network on tensors: our logits. The backend must be loaded. */
export interface Child {
  readonly logits: (batch: ImageBatch) => Float32Array
  readonly dispose: () => void
}

export const openChild = (model: FoundModel): Child => {
  const { amax, network, preprocessing } = model
  const net = makeSupernet(network, 0)
  for (const { name, variable } of net.variables)
    setValues(variable, valuesNamed(model, name).values)
  const { channels, height, width } = network.graph.input
  const rows = net.rowsOf([])
  const sizes = net.sizesOf([])
  return {
    logits: ({ count, images }) => {
      const result = tf.tidy(() => {
        const values = imagesTensor(images, [count, height, width, channels])
        return net.forward(
          normalise(values, preprocessing),
          {
            rows: tf.tensor2d(rows, [net.sites, rowLength]) as Tensor2D,
            amax: tf.tensor1d(amax.slice()) as Tensor1D,
            sizes: tf.tensor1d(sizes, "int32"),
          },
          "infer",
        )
      })
      const values = (result.dataSync() as Float32Array).slice()
      result.dispose()
      return values
    },
    dispose: () => net.dispose(),
  }
}

const largestAt = (logits: Float32Array): number => logits.indexOf(Math.max(...logits))

/** How far the two largest are apart. */
const lead = (logits: Float32Array): number => {
  const [first = 0, second = 0] = [...logits].sort((a, b) => b - a)
  return first - second
}

/** Compares logits on all batches. On three in four images they may differ by `share` of the largest |logit|. */
export const compare = async (
  child: Child,
  runner: Runner,
  classes: number,
  batches: Iterable<ImageBatch> | AsyncIterable<ImageBatch>,
  share = widestBound,
): Promise<Verified> => {
  const differences: Array<number> = []
  /** Of images with another largest logit: how far the child's two largest are apart. */
  const leads: Array<number> = []
  let range = 0
  for await (const batch of batches) {
    const ours = child.logits(batch)
    const theirs = await runner.logits(batch.images, batch.count)
    for (let i = 0; i < batch.count; i++) {
      const a = ours.subarray(i * classes, (i + 1) * classes)
      const b = theirs.subarray(i * classes, (i + 1) * classes)
      const each = a.map((value, c) => Math.abs(value - b[c]!))
      // NaN on either side is no agreement
      const isNumber = !each.some(Number.isNaN)
      differences.push(isNumber ? Math.max(...each) : Infinity)
      range = Math.max(range, ...a.map(Math.abs))
      if (!isNumber || largestAt(a) !== largestAt(b)) leads.push(lead(a))
    }
  }
  const images = differences.length
  const sorted = differences.toSorted((x, y) => x - y)
  const typical = sorted[Math.ceil(typicalPart * images) - 1] ?? Infinity
  const largest = sorted.at(-1) ?? Infinity
  const bound = share * range
  const limit = timesForAny * bound
  const ties = leads.filter((one) => one <= timesForTie * bound).length
  const same = images - leads.length
  const passed =
    typical <= bound &&
    largest <= limit &&
    ties === leads.length &&
    ties <= Math.ceil(mostTies * images)
  return { runtime: runner.runtime, images, same, ties, typical, bound, largest, limit, passed }
}
