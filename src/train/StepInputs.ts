/** What every step of a trial is fed: a batch, and the policy as tensors. Left out: what is computed from it. */
import type { Batch } from "../data/Batches.ts"
import { type Images, normalisationOf, type Values, zeros } from "../data/Dataset.ts"
import { rowLength } from "../format/Row.ts"
import type { Choices } from "../space/Decision.ts"
import { widestChoices } from "../space/DecisionSpace.ts"
import type { FrozenScales } from "../supernet/FrozenScales.ts"
import type { Supernet } from "../supernet/Supernet.ts"
import { tf } from "../tensor/Backend.ts"
import type { Scalar, Tensor, Tensor1D, Tensor2D } from "../tensor/Backend.ts"
import { bytesTensor, castBytes } from "../tensor/Kernels.ts"

/** Fed to every step; with `rows`, `amax` and `sizes` it is also the policy (`PolicyTensors`). */
export type PassInputs = {
  /** uint8, or float32 where the data set has floats, [batch, height, width, channels] */
  readonly images: Tensor
  /** int32 [batch] */
  readonly labels: Tensor1D
  /** [sites, rowLength] */
  readonly rows: Tensor2D
  /** [sites]; 0: the scale comes from the tensor at hand. */
  readonly amax: Tensor1D
  /** int32 [searched sizes] */
  readonly sizes: Tensor1D
}

/** Fed to an optimizer step. */
export type TrainInputs = PassInputs & {
  readonly learningRate: Scalar
  /** int32 [2], another one every step: for dropout. */
  readonly seed: Tensor1D
}

/** What batches look like, and the network that is fed. */
export interface Fed {
  readonly supernet: Supernet
  readonly dataset: Images
  readonly batchSize: number
}

/** Takes every scale from the tensor at hand. */
export const ownScales = ({ supernet }: Pick<Fed, "supernet">): FrozenScales => ({
  amax: new Float32Array(supernet.sites),
})

/** Images as a network is fed them: bytes stay bytes. The array is copied. */
export const imagesTensor = (images: Values, shape: [number, number, number, number]): Tensor =>
  images instanceof Uint8Array ? bytesTensor(images, shape) : tf.tensor4d(images.slice(), shape)

/** Tensors of a batch and a policy; whoever is fed them disposes of them. */
export const passInputs = (
  { supernet, dataset, batchSize }: Fed,
  batch: Batch,
  choices: Choices,
  frozen: FrozenScales = ownScales({ supernet }),
  sizes: Int32Array = supernet.sizesOf(choices),
): PassInputs => {
  const { height, width, channels } = dataset
  return {
    images: imagesTensor(batch.images, [batchSize, height, width, channels]),
    labels: tf.tensor1d(batch.labels, "int32"),
    rows: tf.tensor2d(supernet.rowsOf(choices, frozen), [supernet.sites, rowLength]),
    amax: tf.tensor1d(frozen.amax.slice()),
    sizes: tf.tensor1d(sizes, "int32"),
  }
}

/** The same beside a learning rate and a seed. */
export const trainInputs = (
  inputs: PassInputs,
  learningRate: number,
  seed: readonly [number, number],
): TrainInputs => ({
  ...inputs,
  learningRate: tf.scalar(learningRate),
  seed: tf.tensor1d([...seed], "int32"),
})

/** A batch of zeros with everything in the network active: sizes seen while recording must be the largest ones. */
export const exampleInputs = (fed: Fed): PassInputs => {
  const { supernet, dataset, batchSize } = fed
  const { height, width, channels } = dataset
  const batch = {
    images: zeros(dataset, batchSize * height * width * channels),
    labels: new Int32Array(batchSize),
  }
  const widest = widestChoices(supernet.network.space)
  return passInputs(fed, batch, widest, ownScales(fed), supernet.largestSizes)
}

/** (value / 255 - mean) / std per channel, of values [batch, height, width, channels]. */
export const normalise = (values: Tensor, images: Pick<Images, "mean" | "std">): Tensor => {
  const { scale, shift } = normalisationOf(images)
  const floats = values.dtype === "float32" ? values : castBytes(values)
  return tf.add(tf.mul(floats, tf.tensor1d([...scale])), tf.tensor1d([...shift]))
}
