/**
 * Convolutions of TensorFlow with their own gradient kernels.
 *
 * oneDNN's kernel for the filter gradient of a strided 1 x 1 convolution (`jit_1x1:avx2`, of processors without AVX-512)
 * first copies the pixels that the strides meet, eight channels at a time, and writes past the end of its copy where the
 * channels are no multiple of eight: the heap is damaged, and with two threads one writes into what the other reads. With
 * those kernels the gradient is therefore taken in another way: of a copy made here, without strides, or, where the
 * kernel is only 1 x 1 under some choices, with channels filled up to a multiple of eight.
 *
 * Left out: all other kernels (`Kernels.ts`).
 */
import { usesNarrowKernels } from "./Arithmetic.ts"
import { loaded } from "./Backend.ts"
import type { Tensor, Tensor4D } from "./Backend.ts"
import { differentiable } from "./CustomGradient.ts"
import {
  bool,
  indices,
  int,
  integer,
  integers,
  op,
  ops,
  pack,
  shapeOf,
  string,
  type,
  whole,
} from "./Op.ts"
import type { Attribute } from "./Op.ts"

export type Padding = "same" | "valid"

export interface WindowOptions {
  /** [vertical, horizontal] */
  readonly strides: readonly [number, number]
  /** TensorFlow's: `same` gives ceil(size / stride), the odd pixel of padding at the end. */
  readonly padding: Padding
}

export interface ConvolutionOptions extends WindowOptions {
  /** Whether the kernel may be cut to 1 x 1 when the step runs. */
  readonly mayBePointwise?: boolean
}

export const layout = (): Attribute => string("data_format", "NHWC")

export const windowed = ({ strides: [y, x], padding }: WindowOptions): Array<Attribute> => [
  type("T"),
  int("strides", [1, y, x, 1]),
  string("padding", padding.toUpperCase()),
  layout(),
]

const convolution = (options: WindowOptions): Array<Attribute> => [
  ...windowed(options),
  int("dilations", [1, 1, 1, 1]),
]

const dense = (options: WindowOptions): Array<Attribute> => [
  ...convolution(options),
  bool("use_cudnn_on_gpu", true),
]

const origin = (): Tensor => indices(0, 0, 0, 0)

/** x [batch, h, w, c] at every row and column that the strides meet. */
const everyNth = (x: Tensor, [vertical, horizontal]: readonly [number, number]): Tensor =>
  op(
    "StridedSlice",
    [type("T"), integer("Index"), int("begin_mask", 15), int("end_mask", 15)],
    x,
    origin(),
    origin(),
    indices(1, vertical, horizontal, 1),
  )

const ofFilter = (x: Tensor, shape: Tensor, dy: Tensor, options: WindowOptions): Tensor =>
  op("Conv2DBackpropFilter", dense(options), x, shape, dy)

/** As `ofFilter`, with channels of x and w filled up with zeros to a multiple of eight. */
const ofFilledFilter = (x: Tensor, w: Tensor, dy: Tensor, options: WindowOptions): Tensor => {
  const sizes = ops("Unpack", [integer("T"), int("num", 4), int("axis", 0)], [shapeOf(w)], 4)
  const [height, width, inputs, outputs] = sizes as [Tensor, Tensor, Tensor, Tensor]
  const added = integers("FloorMod", op("Neg", [integer("T")], inputs), whole(8))
  const after = pack(whole(0), whole(0), whole(0), added)
  const paddings = op("Pack", [integer("T"), int("N", 2), int("axis", 1)], origin(), after)
  const filled = op("Pad", [type("T"), integer("Tpaddings")], x, paddings)
  const shape = pack(height, width, integers("AddV2", inputs, added), outputs)
  const gradient = ofFilter(filled, shape, dy, options)
  return op("Slice", [type("T"), integer("Index")], gradient, origin(), shapeOf(w))
}

/** d loss / d w */
const filterGradient = (x: Tensor, w: Tensor, dy: Tensor, options: ConvolutionOptions): Tensor => {
  const { mayBePointwise = false, padding, strides } = options
  const isStrided = strides.some((stride) => stride > 1)
  if (!isStrided || !usesNarrowKernels(loaded()!.arithmetic))
    return ofFilter(x, shapeOf(w), dy, options)
  if (w.shape[0] === 1 && w.shape[1] === 1)
    return ofFilter(everyNth(x, strides), shapeOf(w), dy, { padding, strides: [1, 1] })
  return mayBePointwise ? ofFilledFilter(x, w, dy, options) : ofFilter(x, shapeOf(w), dy, options)
}

/** 2-D convolution: x [batch, h, w, in], w [kh, kw, in, out] -> [batch, h', w', out]. */
export const conv2d = (x: Tensor, w: Tensor, options: ConvolutionOptions): Tensor4D =>
  differentiable(
    [x, w],
    () => ({ value: op("Conv2D", dense(options), x, w), save: [x, w] }),
    (dy, [x, w]) => [
      op("Conv2DBackpropInput", dense(options), shapeOf(x!), w!, dy),
      filterGradient(x!, w!, dy, options),
    ],
  ) as Tensor4D

/** Depthwise convolution: x [batch, h, w, c], w [kh, kw, c, multiplier] -> [batch, h', w', c * multiplier]. */
export const depthwiseConv2d = (x: Tensor, w: Tensor, options: WindowOptions): Tensor4D => {
  const attributes = convolution(options)
  return differentiable(
    [x, w],
    () => ({ value: op("DepthwiseConv2dNative", attributes, x, w), save: [x, w] }),
    (dy, [x, w]) => [
      op("DepthwiseConv2dNativeBackpropInput", attributes, shapeOf(x!), w!, dy),
      op("DepthwiseConv2dNativeBackpropFilter", attributes, x!, shapeOf(w!), dy),
    ],
  ) as Tensor4D
}
