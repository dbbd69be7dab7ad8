/**
 * Kernels over tokens, [batch, tokens, channels]: products with one weight, attention's heads, class token, positions.
 *
 * Channels and batch may vary from step to step (widths that are cut, repeats that are left out); tokens and the size
 * of a head are fixed.
 */
import { tf } from "./Backend.ts"
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "./Backend.ts"
import { differentiable } from "./CustomGradient.ts"
import { bool, expandDims, indices, int, op, reshape, shapeOf, type } from "./Op.ts"

const transpose = (x: Tensor, ...order: ReadonlyArray<number>): Tensor =>
  op("Transpose", [type("T"), type("Tperm", "int32")], x, indices(...order))
const slice = (x: Tensor, begin: ReadonlyArray<number>, size: ReadonlyArray<number>): Tensor =>
  op("Slice", [type("T"), type("Index", "int32")], x, indices(...begin), indices(...size))
const pad = (x: Tensor, paddings: ReadonlyArray<readonly [number, number]>): Tensor => {
  const flat = tf.tensor2d(
    paddings.map(([before, after]) => [before, after]),
    [paddings.length, 2],
    "int32",
  )
  return op("Pad", [type("T"), type("Tpaddings", "int32")], x, flat)
}
const product = (a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor =>
  op("MatMul", [type("T"), bool("transpose_a", transposeA), bool("transpose_b", transposeB)], a, b)
const sumFirst = (x: Tensor): Tensor =>
  op("Sum", [type("T"), type("Tidx", "int32"), bool("keep_dims", false)], x, indices(0))

/** The first `count` sizes of x, then `last`: int32 [count + last.length]. */
const sizesThen = (x: Tensor, count: number, ...last: ReadonlyArray<number>): Tensor => {
  const first = op(
    "Slice",
    [type("T", "int32"), type("Index", "int32")],
    shapeOf(x),
    indices(0),
    indices(count),
  )
  return join(first, indices(...last))
}
const join = (a: Tensor, b: Tensor): Tensor =>
  op(
    "ConcatV2",
    [type("T", "int32"), type("Tidx", "int32"), int("N", 2)],
    a,
    b,
    tf.scalar(0, "int32"),
  )

/** Tokens as rows of a matrix: [batch, tokens, c] -> [batch * tokens, c], with c the size `axis` of the weight. */
const asRows = (x: Tensor, weight: Tensor, axis: number): Tensor => {
  const channels = op(
    "Slice",
    [type("T", "int32"), type("Index", "int32")],
    shapeOf(weight),
    indices(axis),
    indices(1),
  )
  return reshape(x, join(indices(-1), channels))
}

/** x [batch, tokens, in] times w [in, out] -> [batch, tokens, out]. */
export const tokenMatMul = (x: Tensor, w: Tensor): Tensor3D =>
  differentiable(
    [x, w],
    () => {
      const rows = asRows(x, w, 0)
      return { value: reshape(product(rows, w, false, false), sizesThen(x, 2, -1)), save: [x, w] }
    },
    (dy, [x, w]) => {
      const slopes = asRows(dy, w!, 1)
      return [
        reshape(product(slopes, w!, false, true), shapeOf(x!)),
        product(asRows(x!, w!, 0), slopes, true, false),
      ]
    },
  ) as Tensor3D

/** [batch, tokens, heads * size] -> [batch, heads, tokens, size] */
export const toHeads = (x: Tensor, size: number): Tensor4D =>
  differentiable(
    [x],
    () => ({ value: transpose(reshape(x, sizesThen(x, 2, -1, size)), 0, 2, 1, 3), save: [x] }),
    (dy, [x]) => [reshape(transpose(dy, 0, 2, 1, 3), shapeOf(x!))],
  ) as Tensor4D

/** [batch, heads, tokens, size] -> [batch, tokens, heads * size] */
export const fromHeads = (x: Tensor): Tensor3D => {
  const size = x.shape[3]!
  return differentiable(
    [x],
    () => {
      const each = transpose(x, 0, 2, 1, 3)
      return { value: reshape(each, sizesThen(each, 2, -1)) }
    },
    (dy) => [transpose(reshape(dy, sizesThen(dy, 2, -1, size)), 0, 2, 1, 3)],
  ) as Tensor3D
}

/** Part `index` of `parts` equal ones along the last axis of x [.., parts * size]. */
export const headPart = (x: Tensor, index: number, parts: number): Tensor => {
  const size = x.shape.at(-1)! / parts
  const others = x.shape.slice(0, -1)
  return differentiable(
    [x],
    () => ({
      value: slice(x, [...others.map(() => 0), index * size], [...others.map(() => -1), size]),
    }),
    (dy) => [
      pad(dy, [
        ...others.map(() => [0, 0] as const),
        [index * size, (parts - 1 - index) * size] as const,
      ]),
    ],
  )
}

/** x times a number. */
export const scaled = (x: Tensor, factor: number): Tensor => {
  const times = (x: Tensor): Tensor => op("Mul", [type("T")], x, tf.scalar(factor))
  return differentiable(
    [x],
    () => ({ value: times(x) }),
    (dy) => [times(dy)],
  )
}

/** [batch, h, w, c] -> [batch, h * w, c] */
export const imageToTokens = (x: Tensor): Tensor3D => {
  const [, height, width] = x.shape as [number, number, number]
  const channels = (x: Tensor): Tensor =>
    op("Slice", [type("T", "int32"), type("Index", "int32")], shapeOf(x), indices(3), indices(1))
  return differentiable(
    [x],
    () => ({ value: reshape(x, join(indices(-1, height * width), channels(x))), save: [x] }),
    (dy, [x]) => [reshape(dy, shapeOf(x!))],
  ) as Tensor3D
}

/** A learned token [c] before the tokens of every example: [batch, n, c] -> [batch, n + 1, c]. The batch is fixed. */
export const prependToken = (x: Tensor, token: Tensor): Tensor3D => {
  const batch = x.shape[0]!
  return differentiable(
    [x, token],
    () => {
      const one = reshape(token, join(indices(1, 1), shapeOf(token)))
      const each = op("Tile", [type("T"), type("Tmultiples", "int32")], one, indices(batch, 1, 1))
      const attributes = [type("T"), int("N", 2), type("Tidx", "int32")]
      return { value: op("ConcatV2", attributes, each, x, tf.scalar(1, "int32")), save: [token] }
    },
    (dy, [token]) => [
      slice(dy, [0, 1, 0], [-1, -1, -1]),
      reshape(sumFirst(slice(dy, [0, 0, 0], [-1, 1, -1])), shapeOf(token!)),
    ],
  ) as Tensor3D
}

/** x [batch, tokens, c] plus positions [tokens, c]. */
export const addPositions = (x: Tensor, positions: Tensor): Tensor3D =>
  differentiable(
    [x, positions],
    () => ({ value: op("AddV2", [type("T")], x, positions) }),
    (dy) => [dy.clone(), sumFirst(dy)],
  ) as Tensor3D

/** The first token: [batch, tokens, c] -> [batch, c]. */
export const firstToken = (x: Tensor): Tensor2D => {
  const tokens = x.shape[1]!
  const squeeze = (x: Tensor): Tensor => {
    const sizes = shapeOf(x)
    const at = (i: number): Tensor =>
      op("Slice", [type("T", "int32"), type("Index", "int32")], sizes, indices(i), indices(1))
    return reshape(x, join(at(0), at(2)))
  }
  return differentiable(
    [x],
    () => ({ value: squeeze(slice(x, [0, 0, 0], [-1, 1, -1])) }),
    (dy) => {
      const one = expandDims(dy, 1)
      return [
        pad(one, [
          [0, 0],
          [0, tokens - 1],
          [0, 0],
        ]),
      ]
    },
  ) as Tensor2D
}

/** Tokens as rows of a matrix: [batch, tokens, channels] -> [batch * tokens, channels]. */
export const tokensAsRows = (x: Tensor): Tensor2D =>
  differentiable(
    [x],
    () => ({ value: asRows(x, x, 2), save: [x] }),
    (dy, [x]) => [reshape(dy, shapeOf(x!))],
  ) as Tensor2D

/** Undoes `tokensAsRows`: rows in the shape of `like`. */
export const rowsAsTokens = (rows: Tensor, like: Tensor): Tensor3D =>
  differentiable(
    [rows],
    () => ({ value: reshape(rows, shapeOf(like)), save: [rows] }),
    (dy, [rows]) => [reshape(dy, shapeOf(rows!))],
  ) as Tensor3D
