/**
 * Architecture by cutting: a smaller network is computed on slices of the largest one's weights, with sizes that are
 * tensors, so that one graph serves every architecture at the cost of the one it is given. Gradients are padded back
 * with zeros. Cut, not masked: a mask costs as much as the largest network and lets the absmax of a quantizer see the
 * channels that are gone.
 *
 * A part that is not active runs on one example and is padded back and multiplied by 0: no control flow.
 *
 *     const n = rowsIfActive(active, batch)
 *     y = block(takeRows(x, n))                       // norms through cutAverages(..., active)
 *     x = add(x, whereActive(padRows(y, x), active))
 *
 * Record such a step with the largest architecture, and use only kernels that take sizes from tensors (`Kernels.ts`,
 * `Norms.ts`): gradients of tfjs itself freeze the recorded shapes.
 *
 * Left out: which sizes (`space/`, `network/`).
 */
import { tf } from "./Backend.ts"
import type { Tensor, Variable } from "./Backend.ts"
import { differentiable } from "./CustomGradient.ts"
import type { RunningAverages } from "./Norms.ts"
import {
  indices,
  int,
  integer,
  integers,
  op,
  ops,
  pack,
  select,
  shapeOf,
  type,
  whole,
} from "./Op.ts"

/** A size known while recording, or an int32 scalar known when the step runs. */
export type Size = number | Tensor

const scalar = (size: Size): Tensor => (typeof size === "number" ? whole(size) : size)
const vector = (sizes: ReadonlyArray<Size>): Tensor => pack(...sizes.map(scalar))

/** Sizes as an int32 tensor. */
export const sizesTensor = vector

const slice = (x: Tensor, begin: Tensor, size: Tensor): Tensor =>
  op("Slice", [type("T"), integer("Index")], x, begin, size)

/** before, after: int32 [rank] */
const pad = (x: Tensor, before: Tensor, after: Tensor): Tensor => {
  const paddings = op("Pack", [integer("T"), int("N", 2), int("axis", 1)], before, after)
  return op("Pad", [type("T"), integer("Tpaddings")], x, paddings)
}

/**
 * The first `sizes[i]` along every dimension; from the middle along the first `centred` dimensions (a 3 x 3 kernel out
 * of 7 x 7). Give exactly one size per dimension. The gradient is zero outside.
 */
export const cut = (weight: Tensor, sizes: ReadonlyArray<Size>, centred = 0): Tensor => {
  const full = weight.shape
  if (sizes.length !== full.length)
    throw new Error(`${sizes.length} sizes for a tensor of rank ${full.length}`)
  if (sizes.every((size, i) => size === full[i])) return weight
  const begin = sizes.map((size, i): Size => {
    if (i >= centred) return 0
    const spare = integers("Sub", scalar(full[i]!), scalar(size))
    return integers("FloorDiv", spare, tf.scalar(2, "int32"))
  })
  return differentiable(
    [weight],
    () => {
      const [from, size] = [vector(begin), vector(sizes)]
      return { value: slice(weight, from, size), save: [from, size] }
    },
    (dy, [from, size]) => {
      const after = integers("Sub", indices(...full), integers("AddV2", from!, size!))
      return [pad(dy, from!, after)]
    },
  )
}

/**
 * Running averages of the first `size` channels: read by slices, written back into the variables, the other channels
 * untouched. With `active` (int32 scalar, 0 or 1) they are written only when it is 1.
 */
export const cutAverages = (
  mean: Variable,
  variance: Variable,
  size: Size,
  active?: Tensor,
): RunningAverages => {
  const channels = mean.shape[0]!
  const some = (all: Tensor): Tensor =>
    size === channels ? all : slice(all, indices(0), vector([size]))
  const write = (variable: Variable, fresh: Tensor): void => {
    const kept =
      active === undefined
        ? fresh
        : op("SelectV2", [type("T")], isActive(active), fresh, some(variable))
    if (size === channels) {
      variable.assign(kept as Variable)
      return
    }
    const rest = slice(variable, vector([size]), indices(-1))
    const attributes = [type("T"), int("N", 2), integer("Tidx")]
    variable.assign(op("ConcatV2", attributes, kept, rest, tf.scalar(0, "int32")) as Variable)
  }
  return {
    mean: some(mean),
    variance: some(variance),
    assign: (freshMean, freshVariance) => {
      write(mean, freshMean)
      write(variance, freshVariance)
    },
  }
}

const isActive = (active: Tensor): Tensor =>
  op("Greater", [integer("T")], active, tf.scalar(0, "int32"))

/** `rows` when active is 1, one row when it is 0: how many examples a block works on. */
export const rowsIfActive = (active: Tensor, rows: number): Tensor =>
  integers("AddV2", tf.scalar(1, "int32"), integers("Mul", active, tf.scalar(rows - 1, "int32")))

const rowsOf = (x: Tensor): Tensor => firstSizeOf(shapeOf(x))
const firstSizeOf = (shape: Tensor): Tensor =>
  op("Reshape", [integer("T"), integer("Tshape")], firstSize(shape), emptyShape())
const firstSize = (shape: Tensor): Tensor =>
  op("Slice", [integer("T"), integer("Index")], shape, indices(0), indices(1))
const emptyShape = (): Tensor => tf.tensor1d([], "int32")

const sliceRows = (x: Tensor, rows: Tensor): Tensor => {
  const rank = x.shape.length
  return slice(
    x,
    indices(...x.shape.map(() => 0)),
    vector([rows, ...Array<number>(rank - 1).fill(-1)]),
  )
}

const zeroRows = (y: Tensor, rows: Tensor): Tensor => {
  const none = Array<number>(y.shape.length - 1).fill(0)
  return pad(y, indices(0, ...none), vector([integers("Sub", rows, rowsOf(y)), ...none]))
}

/** The first `rows` (int32 scalar) examples. */
export const takeRows = (x: Tensor, rows: Tensor): Tensor =>
  differentiable(
    [x],
    () => ({ value: sliceRows(x, rows), save: [x] }),
    (dy, [x]) => [zeroRows(dy, rowsOf(x!))],
  )

/** Undoes `takeRows`: zeros for the examples of `like` that y lacks. */
export const padRows = (y: Tensor, like: Tensor): Tensor =>
  differentiable(
    [y],
    () => ({ value: zeroRows(y, rowsOf(like)), save: [y] }),
    (dy, [y]) => [sliceRows(dy, rowsOf(y!))],
  )

/** x [..., c] with `channels` channels: its first ones, or zeros behind them. */
export const fitChannels = (x: Tensor, channels: Size): Tensor => {
  const all = x.shape.slice(0, -1)
  const fit = (x: Tensor, size: Tensor): Tensor => {
    const kept = integers("Minimum", size, lastOf(x))
    const first = slice(x, indices(...all.map(() => 0), 0), vector([...all.map(() => -1), kept]))
    const more = integers("Sub", size, kept)
    return pad(first, indices(...all.map(() => 0), 0), vector([...all.map(() => 0), more]))
  }
  return differentiable(
    [x],
    () => ({ value: fit(x, scalar(channels)), save: [x] }),
    (dy, [x]) => [fit(dy, lastOf(x!))],
  )
}

const lastOf = (x: Tensor): Tensor => {
  const attributes = [integer("T"), integer("Index"), int("shrink_axis_mask", 1)]
  return op("StridedSlice", attributes, shapeOf(x), indices(-1), indices(0), indices(1))
}

/**
 * The result of one of several parts, `rows` examples of it. The parts before it (`index`, int32 scalar, of them) have given
 * one example each. One copy of the result, whatever the number of parts.
 */
export const chooseRows = (parts: ReadonlyArray<Tensor>, index: Tensor, rows: Size): Tensor => {
  const attributes = [type("T"), int("N", parts.length), integer("Tidx")]
  const rest = parts[0]!.shape.slice(1)
  return differentiable(
    parts,
    () => {
      const all = op("ConcatV2", attributes, ...parts, whole(0))
      const begin = vector([index, ...rest.map(() => 0)])
      const size = vector([rows, ...rest.map(() => -1)])
      return { value: slice(all, begin, size), save: [index, ...parts] }
    },
    (dy, [index, ...parts]) => {
      const shapes = parts.map(shapeOf)
      const total = shapes.map(firstSizeOf).reduce((a, b) => integers("AddV2", a, b))
      const after = integers("Sub", integers("Sub", total, index!), rowsOf(dy))
      const none = rest.map(() => 0)
      const all = pad(dy, vector([index!, ...none]), vector([after, ...none]))
      const starts = ops(
        "ConcatOffset",
        [int("N", parts.length)],
        [whole(0), ...shapes],
        parts.length,
      )
      return starts.map((start, i) => slice(all, start, shapes[i]!))
    },
  )
}

/** Zeros for as many examples as x has: [rows of x, sizes...]. */
export const zerosFor = (x: Tensor, sizes: ReadonlyArray<Size>): Tensor =>
  differentiable(
    [x],
    () => ({
      value: op(
        "Fill",
        [type("T"), integer("index_type")],
        vector([rowsOf(x), ...sizes]),
        tf.scalar(0),
      ),
      save: [x],
    }),
    (_dy, [x]) => [op("ZerosLike", [type("T")], x!)],
  )

/** `y` when `active` (int32 scalar) is 1, else `x` of the same shape: bit for bit, whatever the other holds. */
export const whichActive = (y: Tensor, x: Tensor, active: Tensor): Tensor => {
  return differentiable(
    [y, x],
    () => {
      const condition = isActive(active)
      return { value: select(condition, y, x), save: [condition] }
    },
    (dy, [condition]) => {
      const none = op("ZerosLike", [type("T")], dy)
      return [select(condition!, dy, none), select(condition!, none, dy)]
    },
  )
}
