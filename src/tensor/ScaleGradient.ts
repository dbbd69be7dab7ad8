/**
 * The numbers of a learned scale (LSQ, Esser et al., arXiv 1902.08153) as TensorFlow operations, whether or not the fused
 * kernel is there: the first scale, the one that an option has, and the gradient. Left out: rounding (`Rounding.ts`).
 */
import { tf } from "./Backend.ts"
import type { Tensor, Variable } from "./Backend.ts"
import { differentiable } from "./CustomGradient.ts"
import { binary, bool, indices, int, integer, op, ops, select, shapeOf, type } from "./Op.ts"
import { isScaled } from "./Amax.ts"
import { pickRow } from "./Rounding.ts"

const over = (name: string, x: Tensor): Tensor =>
  op(name, [type("T"), integer("Tidx"), bool("keep_dims", false)], x, indices(...x.shape.keys()))

/** 2 mean|x| / sqrt(hi), a scalar (section 2.1). */
export const firstScale = (x: Tensor, rows: Tensor, site: number): Tensor => {
  const mean = over("Mean", op("Abs", [type("T")], x))
  // not a quotient by a square root, which TensorFlow turns into this in a graph and not eagerly
  const root = op("Rsqrt", [type("T")], pickRow(rows, site).hi)
  return binary("Mul", binary("Mul", mean, tf.scalar(2)), root)
}

/**
 * The scale that `variable` [options] has for `option` (int32 scalar), [1]. One that is not above 0, as all are before
 * their first use, is `first`; with `assign` it is written into the variable, if `active` (int32 scalar) is not 0.
 */
export const scaleOfOption = (
  variable: Variable,
  option: Tensor,
  first: Tensor,
  assign: boolean,
  active?: Tensor,
): Tensor =>
  differentiable(
    [variable],
    () => {
      const chosen = op("Equal", [integer("T")], indices(...Array(variable.size).keys()), option)
      const unset = binary("LessEqual", variable, tf.scalar(0))
      const filled = select(op("LogicalAnd", [], chosen, unset), first, variable)
      if (assign) {
        const isActive = (on: Tensor) => op("Greater", [integer("T")], on, tf.scalar(0, "int32"))
        variable.assign(
          (active === undefined ? filled : select(isActive(active), filled, variable)) as Variable,
        )
      }
      const share = op("Cast", [type("SrcT", "bool"), type("DstT")], chosen)
      const sum = [type("T"), integer("Tidx"), bool("keep_dims", true)]
      return { value: op("Sum", sum, binary("Mul", filled, share), indices(0)), save: [share] }
    },
    (dy, [share]) => [binary("Mul", dy, share!)],
  )

/** scale * scaleBy, [1]: the amax that the kernel takes. */
export const amaxOfScale = (scale: Tensor, rows: Tensor, site: number): Tensor =>
  binary("Mul", scale, pickRow(rows, site).scaleBy)

/**
 * dL/ds, [1]: equation 3, q / s - x / s inside the range and lo or hi outside, times 1 / sqrt(N hi) (section 2.2). q is the
 * rounded x, dx its straight-through gradient; N counts the weights, or with `perExample` the features of one example. 0
 * for formats without a float32 scale.
 */
export const scaleGradient = (
  dy: Tensor,
  dx: Tensor,
  x: Tensor,
  q: Tensor,
  amax: Tensor,
  rows: Tensor,
  site: number,
  perExample: boolean,
): Tensor => {
  const { hi, scaleBy } = pickRow(rows, site)
  const inside = binary("Mul", dx, binary("Sub", q, x))
  const outside = binary("Mul", binary("Sub", dy, dx), q)
  const slope = binary(
    "RealDiv",
    over("Sum", binary("AddV2", inside, outside)),
    binary("RealDiv", amax, scaleBy),
  )
  const sizes = ops(
    "Unpack",
    [integer("T"), int("num", x.rank), int("axis", 0)],
    [shapeOf(x)],
    x.rank,
  )
  const count = sizes
    .slice(perExample ? 1 : 0)
    .reduce((a, b) => op("Mul", [integer("T")], a, b), tf.scalar(1, "int32"))
  const n = op("Cast", [integer("SrcT"), type("DstT")], count)
  const scaled = binary("Mul", slope, op("Rsqrt", [type("T")], binary("Mul", n, hi)))
  return select(isScaled(rows, site), scaled, op("ZerosLike", [type("T")], scaled))
}
