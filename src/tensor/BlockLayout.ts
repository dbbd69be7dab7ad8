/** x in blocks of so many elements along one dimension, as [outer, blocks, size, inner] with zeros after the last, and back. */
import type { Tensor } from "./Backend.ts"
import {
  indices,
  int,
  integer,
  integers,
  op,
  ops,
  pack,
  reshape,
  shapeOf,
  type,
  whole,
} from "./Op.ts"

export interface Blocks {
  /** [outer, blocks, size, inner] */
  readonly parts: Tensor
  /** int32 scalars: how many there are along the dimension, and how many elements the last one has. */
  readonly count: Tensor
  readonly last: Tensor
  /** Something like `parts` in the shape of x. */
  readonly join: (parts: Tensor) => Tensor
}

/** Blocks of `size` (int32 scalar) along dimension `axis` of x. */
export const intoBlocks = (x: Tensor, axis: number, size: Tensor): Blocks => {
  const shape = shapeOf(x)
  const sizes = ops("Unpack", [integer("T"), int("num", x.rank), int("axis", 0)], [shape], x.rank)
  const channels = sizes[axis]!
  const inner = sizes.slice(axis + 1).reduce((a, b) => integers("Mul", a, b), whole(1))
  const upTo = integers("Sub", integers("AddV2", channels, size), whole(1))
  const count = integers("FloorDiv", upTo, size)
  const padded = integers("Mul", count, size)
  const missing = integers("Sub", padded, channels)
  const paddings = op(
    "Pack",
    [integer("T"), int("N", 2), int("axis", 1)],
    indices(0, 0, 0),
    pack(whole(0), missing, whole(0)),
  )
  const flat = reshape(x, pack(whole(-1), channels, inner))
  const full = op("Pad", [type("T"), integer("Tpaddings")], flat, paddings)
  return {
    parts: reshape(full, pack(whole(-1), count, size, inner)),
    count,
    last: integers("Sub", size, missing),
    join: (parts) => {
      const together = reshape(parts, pack(whole(-1), padded, inner))
      const kept = op(
        "Slice",
        [type("T"), integer("Index")],
        together,
        indices(0, 0, 0),
        pack(whole(-1), channels, whole(-1)),
      )
      return reshape(kept, shape)
    },
  }
}
