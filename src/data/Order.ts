/**
 * Which image comes when, and which are held out: what all batches share, whether their images are in memory or not.
 *
 * The train split is parted by the stream `split` into what is trained on and what is held out. Training goes through
 * one permutation after another (`order/0`, `order/1`, ...) of the first part, end to end: a batch may span two epochs,
 * no image is left out of one. Held-out batches do the same with the other part (`heldOutOrder/0`, ...). Where held-out
 * images have a folder of their own, `split` draws from that, and all of the train split is trained on.
 */
import { createHash } from "node:crypto"
import { randomStream } from "../space/RandomStream.ts"

export interface Order {
  /** Indices into the train split, ascending. */
  readonly train: Uint32Array
  /** Indices into the train split or, where they have one, that of held-out images, ascending. */
  readonly heldOut: Uint32Array
  /** The index, into the train split, of the image at a position in the endless row. */
  readonly trainAt: (position: number) => number
  readonly heldOutAt: (position: number) => number
}

/** Position in an endless row of permutations of 0 .. count - 1 -> the number there; the last permutations are kept. */
const permutations = (seed: number, name: string, count: number) => {
  const kept = new Map<number, Uint32Array>()
  const epoch = (index: number): Uint32Array => {
    const known = kept.get(index)
    if (known !== undefined) return known
    const made = randomStream(seed, `${name}/${index}`).permutation(count)
    if (kept.size >= 2) kept.delete(kept.keys().next().value!)
    kept.set(index, made)
    return made
  }
  return (position: number): number => epoch(Math.floor(position / count))[position % count]!
}

/**
 * The order of `count` training images; throws a RangeError when `heldOut` leaves nothing to train on.
 *
 * @param own how many images there are to hold out, where they are not training images
 */
export const makeOrder = (
  count: number,
  { seed, heldOut }: { readonly seed: number; readonly heldOut: number },
  own?: number,
): Order => {
  if (own === undefined && heldOut >= count)
    throw new RangeError(`heldOut ${heldOut} of ${count} training images leaves none`)
  const shuffled = randomStream(seed, "split").permutation(own ?? count)
  const heldOutIndices = shuffled.slice(0, heldOut).sort()
  const trainIndices =
    own === undefined
      ? shuffled.slice(heldOut).sort()
      : Uint32Array.from({ length: count }, (_, i) => i)
  const trainAt = permutations(seed, "order", trainIndices.length)
  const heldOutAt = permutations(seed, "heldOutOrder", heldOutIndices.length)
  return {
    train: trainIndices,
    heldOut: heldOutIndices,
    trainAt: (position) => trainIndices[trainAt(position)]!,
    heldOutAt: (position) => heldOutIndices[heldOutAt(position)]!,
  }
}

/** 32 hex digits: of a split and which of its images, whatever their order. */
export const subsetDigest = (digest: string, indices: Uint32Array): string =>
  createHash("sha256").update(digest).update(indices).digest("hex").slice(0, 32)
