/**
 * Convolutions of TensorFlow with their own gradient kernels.
 *
 * oneDNN's kernel for the filter gradient of a strided 1 x 1 convolution (`jit_1x1:avx2`, of processors without AVX-512)
 * first copies the pixels that the strides meet, eight channels at a time, and writes past the end of its copy where the
 * channels are no multiple of eight: the heap is damaged, and with two threads one writes into what the other reads. With
 * those kernels the gradient is therefore taken in another way: of a copy made here, without strides, or, where the
 * kernel is only 1 x 1 under some choices, with channels filled up to a multiple of eight.
 *
 * On all processors several threads share these copies, and their writes meet outside of them where the images of a batch
 * are no multiple of the threads: an odd batch, or the one example that a part works on which is not chosen. With more than
 * one thread the gradient is taken of a copy made here as well (equal bits where both are right, but for groups), or with images of zeros
 * up to a multiple of the threads.
 *
 * Gradients of groups and of dilated kernels are in oneDNN alone. Without it each group is a convolution of its own, and a
 * dilated kernel is a larger one with zeros between its elements.
 *
 * Left out: all other kernels (`Kernels.ts`).
 */
import { usesNarrowKernels, usesOneDnn } from "./Arithmetic.ts"
import { loaded } from "./Backend.ts"
import type { Tensor, Tensor4D } from "./Backend.ts"
import { differentiable } from "./CustomGradient.ts"
import {
  bool,
  firstOf,
  indices,
  int,
  integer,
  integers,
  op,
  ops,
  pack,
  reshape,
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

type Pair = readonly [number, number]

export interface DilatedOptions extends WindowOptions {
  /** [vertical, horizontal]: pixels from one element of the kernel to the next; 1 when absent. */
  readonly dilation?: Pair
}

export interface ConvolutionOptions extends DilatedOptions {
  /** Channels are parted into so many groups, each convolved alone; 1 when absent. */
  readonly groups?: number
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

const undilated = [1, 1] as const

const convolution = (options: DilatedOptions): Array<Attribute> => [
  ...windowed(options),
  int("dilations", [1, ...(options.dilation ?? undilated), 1]),
]

const dense = (options: DilatedOptions): Array<Attribute> => [
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

const ofFilter = (x: Tensor, shape: Tensor, dy: Tensor, options: DilatedOptions): Tensor =>
  op("Conv2DBackpropFilter", dense(options), x, shape, dy)

/** The four sizes of a kernel, each an int32 scalar. */
const sizesOf = (w: Tensor): [Tensor, Tensor, Tensor, Tensor] =>
  ops("Unpack", [integer("T"), int("num", 4), int("axis", 0)], [shapeOf(w)], 4) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ]

/** As `ofFilter`, with channels of x and w filled up with zeros to a multiple of eight. */
const ofFilledFilter = (x: Tensor, w: Tensor, dy: Tensor, options: DilatedOptions): Tensor => {
  const [height, width, inputs, outputs] = sizesOf(w)
  const added = integers("FloorMod", op("Neg", [integer("T")], inputs), whole(8))
  const after = pack(whole(0), whole(0), whole(0), added)
  const paddings = op("Pack", [integer("T"), int("N", 2), int("axis", 1)], origin(), after)
  const filled = op("Pad", [type("T"), integer("Tpaddings")], x, paddings)
  const shape = pack(height, width, integers("AddV2", inputs, added), outputs)
  const gradient = ofFilter(filled, shape, dy, options)
  return op("Slice", [type("T"), integer("Index")], gradient, origin(), shapeOf(w))
}

/** x [batch, h, w, c] with images of zeros behind it, up to a multiple of so many. */
const filledBatch = (x: Tensor, multiple: number): Tensor => {
  const added = integers("FloorMod", op("Neg", [integer("T")], firstOf(x)), whole(multiple))
  const after = pack(added, whole(0), whole(0), whole(0))
  const paddings = op("Pack", [integer("T"), int("N", 2), int("axis", 1)], origin(), after)
  return op("Pad", [type("T"), integer("Tpaddings")], x, paddings)
}

/** d loss / d w */
const filterGradient = (x: Tensor, w: Tensor, dy: Tensor, options: ConvolutionOptions): Tensor => {
  const { groups = 1, mayBePointwise = false, padding, strides } = options
  const { arithmetic, threads } = loaded()!
  const isNarrow = usesNarrowKernels(arithmetic)
  const isShared = threads > 1 && usesOneDnn(arithmetic)
  const isStrided = strides.some((stride) => stride > 1)
  if (!isStrided || !(isNarrow || isShared)) return ofFilter(x, shapeOf(w), dy, options)
  // The gradient of groups has other bits without strides. So a 1 x 1 kernel with groups goes the way below, which is that
  // of a recorded step whose kernel is 1 x 1 under some choices only.
  if (groups === 1 && w.shape[0] === 1 && w.shape[1] === 1)
    return ofFilter(everyNth(x, strides), shapeOf(w), dy, { padding, strides: [1, 1] })
  if (!mayBePointwise) return ofFilter(x, shapeOf(w), dy, options)
  const [images, slopes] = isShared ? [filledBatch(x, threads), filledBatch(dy, threads)] : [x, dy]
  return isNarrow
    ? ofFilledFilter(images, w, slopes, options)
    : ofFilter(images, shapeOf(w), slopes, options)
}

const isDilated = ({ dilation = undilated }: DilatedOptions): boolean =>
  dilation.some((step) => step > 1)

/** w [kh, kw, in, out] with zeros between its rows and columns: [(kh - 1) v + 1, (kw - 1) h + 1, in, out]. */
const spread = (w: Tensor, [vertical, horizontal]: Pair): Tensor =>
  differentiable(
    [w],
    () => {
      const [height, width, inputs, outputs] = sizesOf(w)
      const times = (size: Tensor, step: number) => integers("Mul", size, whole(step))
      const apart = reshape(w, pack(height, whole(1), width, whole(1), whole(-1)))
      const after = indices(0, vertical - 1, 0, horizontal - 1, 0)
      const paddings = op(
        "Pack",
        [integer("T"), int("N", 2), int("axis", 1)],
        indices(0, 0, 0, 0, 0),
        after,
      )
      const filled = op("Pad", [type("T"), integer("Tpaddings")], apart, paddings)
      const sizes = [times(height, vertical), times(width, horizontal), inputs, outputs] as const
      const size = pack(
        integers("Sub", sizes[0], whole(vertical - 1)),
        integers("Sub", sizes[1], whole(horizontal - 1)),
        inputs,
        outputs,
      )
      const attributes = [type("T"), integer("Index")]
      return { value: op("Slice", attributes, reshape(filled, pack(...sizes)), origin(), size) }
    },
    (dy) => [
      op(
        "StridedSlice",
        [type("T"), integer("Index"), int("begin_mask", 15), int("end_mask", 15)],
        dy,
        origin(),
        origin(),
        indices(vertical, horizontal, 1, 1),
      ),
    ],
  )

const lastAxis = 3
const parted = (x: Tensor, parts: number): ReadonlyArray<Tensor> =>
  ops("Split", [type("T"), int("num_split", parts)], [whole(lastAxis), x], parts)
const joined = (parts: ReadonlyArray<Tensor>): Tensor =>
  op("ConcatV2", [type("T"), int("N", parts.length), integer("Tidx")], ...parts, whole(lastAxis))

/** One convolution of TensorFlow. */
const whole2d = (x: Tensor, w: Tensor, options: ConvolutionOptions): Tensor4D =>
  differentiable(
    [x, w],
    () => ({ value: op("Conv2D", dense(options), x, w), save: [x, w] }),
    (dy, [x, w]) => [
      op("Conv2DBackpropInput", dense(options), shapeOf(x!), w!, dy),
      filterGradient(x!, w!, dy, options),
    ],
  ) as Tensor4D

/** Every group a convolution of its own. */
const byGroups = (x: Tensor, w: Tensor, groups: number, options: ConvolutionOptions): Tensor4D =>
  differentiable(
    [x, w],
    () => {
      const kernels = parted(w, groups)
      const results = parted(x, groups).map((part, i) =>
        op("Conv2D", dense(options), part, kernels[i]!),
      )
      return { value: joined(results), save: [x, w] }
    },
    (dy, [x, w]) => {
      const [inputs, kernels] = [parted(x!, groups), parted(w!, groups)]
      const slopes = parted(dy, groups)
      return [
        joined(
          slopes.map((slope, i) =>
            op("Conv2DBackpropInput", dense(options), shapeOf(inputs[i]!), kernels[i]!, slope),
          ),
        ),
        joined(slopes.map((slope, i) => filterGradient(inputs[i]!, kernels[i]!, slope, options))),
      ]
    },
  ) as Tensor4D

/** Groups and dilation without the kernels of oneDNN. */
export const conv2dApart = (x: Tensor, w: Tensor, options: ConvolutionOptions): Tensor4D => {
  const { dilation = undilated, groups = 1, ...plain } = options
  const kernel = isDilated(options) ? spread(w, dilation) : w
  return groups === 1 ? whole2d(x, kernel, plain) : byGroups(x, kernel, groups, plain)
}

/**
 * 2-D convolution: x [batch, h, w, in], w [kh, kw, in / groups, out] -> [batch, h', w', out]. Group g makes the g-th part of
 * the outputs from the g-th part of the inputs.
 */
export const conv2d = (x: Tensor, w: Tensor, options: ConvolutionOptions): Tensor4D => {
  const { groups = 1, strides } = options
  if (groups > 1 || isDilated(options)) {
    const { arithmetic } = loaded()!
    const isStrided = strides.some((stride) => stride > 1)
    if (!usesOneDnn(arithmetic) || (isStrided && usesNarrowKernels(arithmetic)))
      return conv2dApart(x, w, options)
  }
  return whole2d(x, w, options)
}

/** Depthwise convolution: x [batch, h, w, c], w [kh, kw, c, multiplier] -> [batch, h', w', c * multiplier]. */
export const depthwiseConv2d = (x: Tensor, w: Tensor, options: DilatedOptions): Tensor4D => {
  const { dilation = undilated, ...plain } = options
  const kernel = isDilated(options) ? spread(w, dilation) : w
  const attributes = convolution(plain)
  return differentiable(
    [x, kernel],
    () => ({ value: op("DepthwiseConv2dNative", attributes, x, kernel), save: [x, kernel] }),
    (dy, [x, w]) => [
      op("DepthwiseConv2dNativeBackpropInput", attributes, shapeOf(x!), w!, dy),
      op("DepthwiseConv2dNativeBackpropFilter", attributes, x!, shapeOf(w!), dy),
    ],
  ) as Tensor4D
}
