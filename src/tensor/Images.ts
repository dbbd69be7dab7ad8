/**
 * Kernels that give an image another form: pixels around it, another size, its values as a vector.
 */
import { tf } from "./Backend.ts"
import type { Tensor, Tensor2D, Tensor4D } from "./Backend.ts"
import { differentiable } from "./CustomGradient.ts"
import {
  bool,
  expandDims,
  firstOf,
  indices,
  int,
  integer,
  op,
  ops,
  pack,
  reshape,
  shapeOf,
  type,
  whole,
} from "./Op.ts"

/** All values of an image, channel after channel: [batch, h, w, c] -> [batch, c * h * w]. */
export const flatten = (x: Tensor): Tensor2D => {
  const transpose = (x: Tensor, ...order: ReadonlyArray<number>): Tensor =>
    op("Transpose", [type("T"), type("Tperm", "int32")], x, indices(...order))
  return differentiable(
    [x],
    () => {
      const planes = transpose(x, 0, 3, 1, 2)
      return { value: reshape(planes, pack(firstOf(x), whole(-1))), save: [x] }
    },
    (dy, [x]) => {
      const [rows, height, width, channels] = ops(
        "Unpack",
        [integer("T"), int("num", 4), int("axis", 0)],
        [shapeOf(x!)],
        4,
      )
      const planes = reshape(dy, pack(rows!, channels!, height!, width!))
      return [transpose(planes, 0, 2, 3, 1)]
    },
  ) as Tensor2D
}

/** The lowest number of float32. */
export const lowest = -3.4028234663852886e38

/** An image with more pixels around it: [top, bottom], [left, right]. */
export const padImage = (
  x: Tensor,
  [rows, columns]: readonly [readonly [number, number], readonly [number, number]],
  value = 0,
): Tensor4D => {
  const around = tf.tensor2d([[0, 0], [...rows], [...columns], [0, 0]], [4, 2], "int32")
  return differentiable(
    [x],
    () => ({
      value: op("PadV2", [type("T"), integer("Tpaddings")], x, around, tf.scalar(value)),
      save: [x],
    }),
    (dy, [x]) => [
      op(
        "Slice",
        [type("T"), integer("Index")],
        dy,
        indices(0, rows[0], columns[0], 0),
        shapeOf(x!),
      ),
    ],
  ) as Tensor4D
}

/** A vector as an image of one pixel: [batch, c] -> [batch, 1, 1, c]. */
export const asImage = (x: Tensor): Tensor4D =>
  differentiable(
    [x],
    () => ({ value: expandDims(expandDims(x, 1), 1) }),
    (dy) => [withoutPixels(dy)],
  ) as Tensor4D

/** An image of one pixel as a vector: [batch, 1, 1, c] -> [batch, c]. */
export const asVector = (x: Tensor): Tensor2D =>
  differentiable(
    [x],
    () => ({ value: withoutPixels(x) }),
    (dy) => [expandDims(expandDims(dy, 1), 1)],
  ) as Tensor2D

const withoutPixels = (x: Tensor): Tensor =>
  op("Squeeze", [type("T"), int("squeeze_dims", [1, 2])], x)

/** Images in another size, bilinear between the centres of pixels; no gradient goes to them. */
export const resize = (x: Tensor, size: Tensor): Tensor4D =>
  op(
    "ResizeBilinear",
    [type("T"), bool("align_corners", false), bool("half_pixel_centers", true)],
    x,
    size,
  ) as Tensor4D
