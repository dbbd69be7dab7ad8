/**
 * The comparison that every export passes before it is called done: the file, run by a runtime that is not ours, against the
 * child network under the same frozen scales, on real images.
 *
 * Both add float32 products, each in an order of its own. So a value now and then lies on the other side of a rounding
 * boundary, one step of its format apart, and logits differ by a little: the bound is a share of the range of the logits.
 * The largest logit must be the same one on every image; where the child's own two largest are closer together than the
 * bound, either is. Left out: writing and removing files (`cli/`).
 */
import { rowLength } from "../format/Row.ts"
import { makeSupernet } from "../supernet/Supernet.ts"
import { tf } from "../tensor/Backend.ts"
import type { Tensor1D, Tensor2D, Variable } from "../tensor/Backend.ts"
import { bytesTensor } from "../tensor/Kernels.ts"
import { normalise } from "../train/StepInputs.ts"
import type { FoundModel } from "./FoundModel.ts"
import type { Runner } from "./Target.ts"

/** Images to compare: bytes [count, height, width, channels]. */
export interface ImageBatch {
  readonly images: Uint8Array
  readonly count: number
}

export interface Verified {
  readonly runtime: string
  readonly images: number
  /** Images on which the largest logit is the same one. */
  readonly same: number
  /** Of the others, those on which the child's two largest logits are closer together than the bound. */
  readonly ties: number
  /** Largest |difference| of a logit. */
  readonly largest: number
  /** What it may be: a share of the largest |logit| of the child. */
  readonly bound: number
  readonly passed: boolean
}

/** What a logit may differ by, of the largest |logit|. */
export const widestBound = 0.05

/** The child network on tensors: our logits. The backend must be loaded. */
export interface Child {
  readonly logits: (batch: ImageBatch) => Float32Array
  readonly dispose: () => void
}

export const openChild = ({ amax, network, preprocessing, weights }: FoundModel): Child => {
  const net = makeSupernet(network, 0)
  for (const { name, variable } of net.variables) {
    const found = weights.get(name)
    if (found === undefined) throw new Error(`the model has no variable ${name}`)
    tf.tidy(() => variable.assign(tf.tensor(found.values, variable.shape) as Variable))
  }
  const { channels, height, width } = network.graph.input
  const rows = net.rowsOf([])
  const sizes = net.sizesOf([])
  return {
    logits: ({ count, images }) => {
      const result = tf.tidy(() => {
        const bytes = bytesTensor(images, [count, height, width, channels])
        return net.forward(
          normalise(bytes, preprocessing),
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

/** Compares logits on all batches. They may differ by `share` of the largest |logit|. */
export const compare = async (
  child: Child,
  runner: Runner,
  classes: number,
  batches: Iterable<ImageBatch> | AsyncIterable<ImageBatch>,
  share = widestBound,
): Promise<Verified> => {
  const others: Array<{ readonly lead: number; readonly largest: number }> = []
  let [images, same, largest, range] = [0, 0, 0, 0]
  for await (const batch of batches) {
    const ours = child.logits(batch)
    const theirs = await runner.logits(batch.images, batch.count)
    for (let i = 0; i < batch.count; i++) {
      const a = ours.subarray(i * classes, (i + 1) * classes)
      const b = theirs.subarray(i * classes, (i + 1) * classes)
      // NaN on either side is no agreement
      const differences = a.map((value, c) => Math.abs(value - b[c]!))
      const difference = differences.some(Number.isNaN) ? Infinity : Math.max(...differences)
      largest = Math.max(largest, difference)
      range = Math.max(range, ...a.map(Math.abs))
      images += 1
      if (largestAt(a) === largestAt(b)) same += 1
      else others.push({ lead: lead(a), largest: difference })
    }
  }
  const bound = share * range
  const ties = others.filter((one) => one.lead <= bound).length
  const passed = images > 0 && largest <= bound && same + ties === images
  return { runtime: runner.runtime, images, same, ties, largest, bound, passed }
}
