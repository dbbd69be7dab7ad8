/**
 * The comparison that every export passes before it is called done: the file, run by a runtime that is not ours, against the
 * child network under the same frozen scales, on real images.
 *
 * Both add float32 products, each in an order of its own. So a value now and then lies on the other side of a rounding
 * boundary, one step of its format apart, and what follows differs on that image. How far, depends on the network: so the
 * network is run again a few times as another order would compute it (`OtherSums.ts`), and a file may differ from it by
 * what it differs from itself. The largest logit must be the same one wherever the network's own two largest are further
 * apart than that. Left out: writing and removing files (`cli/`).
 */
import { rowLength } from "../format/Row.ts"
import { makeSupernet } from "../supernet/Supernet.ts"
import { tf } from "../tensor/Backend.ts"
import type { Values } from "../data/Dataset.ts"
import type { Tensor1D, Tensor2D } from "../tensor/Backend.ts"
import { setValues } from "../tensor/Kernels.ts"
import { imagesTensor, normalise } from "../train/StepInputs.ts"
import { type FoundModel, valuesNamed } from "./FoundModel.ts"
import { otherSums } from "./OtherSums.ts"
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
  /** Of the others, those on which the child's two largest logits are as close together as its own answers move. */
  readonly ties: number
  /** Largest |difference| of a logit on the three quarters of the images that differ least. */
  readonly typical: number
  /** What `typical` may be. */
  readonly bound: number
  /** Largest |difference| of a logit on any image. */
  readonly largest: number
  /** What that of an image may be; few may differ by more. */
  readonly limit: number
  /** Images that differ by more. */
  readonly beyond: number
  /** Of the network with itself: the same two numbers. */
  readonly own: { readonly typical: number; readonly largest: number }
  readonly passed: boolean
}

/** What the logits of three in four images may differ by whatever the network does, of the largest |logit| of the child. */
export const widestBound = 0.05
const typicalPart = 0.75
/** Differences below this share of the largest |logit| are those of sums alone, without any rounding tipped. */
const leastShare = 1e-4
/** A file may differ by this many times what the network differs from itself. */
const timesOwn = 2
/** How many images, or which share of them, may differ by more than the network ever did from itself: tips are rare events. */
const mostBeyond = { images: 3, share: 0.02 }
/** What any image may differ by, of the largest |logit|. */
const shareOfAny = 1
/** How often the network is run in another order. */
export const orders = 3

/** The child network on tensors: our logits. The backend must be loaded. */
export interface Child {
  readonly logits: (batch: ImageBatch) => Float32Array
  /** The same in another order of sums, each number from 0 another one. */
  readonly inOrder: (batch: ImageBatch, order: number) => Float32Array
  readonly dispose: () => void
}

export const openChild = (model: FoundModel): Child => {
  const { amax, network, preprocessing } = model
  const net = makeSupernet(network, 0)
  for (const { name, variable } of net.variables)
    setValues(variable, valuesNamed(model, name).values)
  const { channels, height, width } = network.graph.input
  const rows = net.rowsOf([], model)
  const sizes = net.sizesOf([])
  const logits = ({ count, images }: ImageBatch): Float32Array => {
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
  }
  const variables = new Map(net.variables.map(({ name, variable }) => [name, variable]))
  const others = Array.from({ length: orders }, (_, order) => otherSums(model, order))
  return {
    logits,
    inOrder: (batch, order) => {
      const moved = others[order]!
      for (const [name, values] of moved) setValues(variables.get(name)!, values)
      const result = logits(batch)
      for (const name of moved.keys())
        setValues(variables.get(name)!, valuesNamed(model, name).values)
      return result
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

/** |difference| of the logits that differ most, for each image; NaN on either side is no agreement. */
const differencesOf = (a: Float32Array, b: Float32Array, classes: number): ReadonlyArray<number> =>
  Array.from({ length: a.length / classes }, (_, i) => {
    let most = 0
    for (let c = i * classes; c < (i + 1) * classes; c++) {
      const difference = Math.abs(a[c]! - b[c]!)
      if (Number.isNaN(difference)) return Infinity
      most = Math.max(most, difference)
    }
    return most
  })

const quantileOf = (values: ReadonlyArray<number>, part: number): number =>
  values.toSorted((x, y) => x - y)[Math.ceil(part * values.length) - 1] ?? Infinity

/** Compares logits on all batches. On three in four images they may differ by at most `share` of the largest |logit|. */
export const compare = async (
  child: Child,
  runner: Runner,
  classes: number,
  batches: Iterable<ImageBatch> | AsyncIterable<ImageBatch>,
  share = widestBound,
): Promise<Verified> => {
  const differences: Array<number> = []
  /** Of the network with itself, in each other order. */
  const own: Array<number> = []
  /** Of images with another largest logit: how far the child's two largest are apart. */
  const leads: Array<number> = []
  let range = 0
  for await (const batch of batches) {
    const ours = child.logits(batch)
    const theirs = await runner.logits(batch.images, batch.count)
    for (let order = 0; order < orders; order++)
      own.push(...differencesOf(ours, child.inOrder(batch, order), classes))
    const each = differencesOf(ours, theirs, classes)
    differences.push(...each)
    for (let i = 0; i < batch.count; i++) {
      const a = ours.subarray(i * classes, (i + 1) * classes)
      const b = theirs.subarray(i * classes, (i + 1) * classes)
      range = Math.max(range, ...a.map(Math.abs))
      if (each[i] === Infinity || largestAt(a) !== largestAt(b)) leads.push(lead(a))
    }
  }
  const images = differences.length
  const typical = quantileOf(differences, typicalPart)
  const largest = quantileOf(differences, 1)
  const moved = { typical: quantileOf(own, typicalPart), largest: quantileOf(own, 1) }
  const allowed = (difference: number): number =>
    Math.max(leastShare * range, timesOwn * difference)
  const bound = Math.min(share * range, allowed(moved.typical))
  const limit = allowed(moved.largest)
  const beyond = differences.filter((difference) => difference > limit).length
  // Two logits, each moved as far as the network's own.
  const close = 2 * Math.max(leastShare * range, moved.largest)
  const ties = leads.filter((one) => one <= close).length
  const same = images - leads.length
  const passed =
    typical <= bound &&
    largest <= shareOfAny * range &&
    beyond <= Math.max(mostBeyond.images, Math.ceil(mostBeyond.share * images)) &&
    ties === leads.length
  return {
    runtime: runner.runtime,
    images,
    same,
    ties,
    typical,
    bound,
    largest,
    limit,
    beyond,
    own: moved,
    passed,
  }
}
