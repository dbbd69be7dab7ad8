/**
 * A format as the quantizer reads it: a row of numbers. This file alone names the columns. `native/row.h` is generated
 * from it (`scripts/generate-row.ts`), so the kernels have the same names in the same order.
 *
 * Left out: the quantizer (`quantizer/`, `native/`).
 */
import { FloatFormat } from "./FloatFormat.ts"
import type { Format, SharedExponent } from "./Format.ts"
import { exponentOf, powerOfTwo, zeroOf } from "./round.ts"

/** The columns of a row in their order, each with its meaning. All are float32 numbers. */
export const columnMeanings = {
  relative: "step / 2^exponent(y); 0 in FP32: no rounding, no clipping, no scale",
  smallest: "smallest step: the step at y is max(relative * 2^exponent(y), smallest)",
  lo: "lowest value",
  hi: "highest value",
  scaleBy: "the scale is amax / scaleBy; infinity: no float32 scale",
  blockSize: "elements of a block of the format's own; 0: no such blocks",
  increment: "added to the bits of a block's amax before its exponent is read (E8M0 scales)",
  zero: "added to every result: -0 changes nothing, +0 turns -0 into +0",
  affine: "1: a zero point that is found with the scale moves lo and hi; 0: none does",
} as const

export type Column = keyof typeof columnMeanings
export const columns = Object.keys(columnMeanings) as ReadonlyArray<Column>
export const rowLength = columns.length

export type Row = Readonly<Record<Column, number>>

/** What `of` gives for every column. */
export const mapColumns = <A>(of: (column: Column, index: number) => A): Record<Column, A> =>
  Object.fromEntries(columns.map((column, i) => [column, of(column, i)])) as Record<Column, A>

/** The numbers of a row in the order of the columns: [rowLength]. */
export const rowNumbers = (row: Row): Array<number> => columns.map((column) => row[column])

/** The format of NVFP4's block scales. Its largest value is where the largest block scale goes. */
export const blockScaleFormat: Format = FloatFormat.make("E4M3")!

/** What the bits of a float32 number are increased by before its mantissa is cut off, under each rule. */
const increments = (
  mantissaBits: number,
  hi: number,
): Readonly<Record<SharedExponent, number>> => ({
  floor: 0,
  ceil: 2 ** 23 - 1,
  even: 2 ** (22 - mantissaBits),
  // carries where the mantissa is above that of the largest element: amax / hi is above a power of two
  roundUp: 2 ** 24 - 1 - (hi / powerOfTwo(exponentOf(hi))) * 2 ** 23,
})

/** No rounding: what FP32 is. */
const identity: Omit<Row, "zero" | "affine"> = {
  relative: 0,
  smallest: 0,
  lo: -Infinity,
  hi: Infinity,
  scaleBy: Infinity,
  blockSize: 0,
  increment: 0,
}

const blockColumns = (
  { block, hi, lo, mantissaBits, name, scaled, zeroPoint }: Format,
  rule: SharedExponent | undefined,
): Pick<Row, "scaleBy" | "blockSize" | "increment"> => {
  const widest = zeroPoint === undefined ? hi : hi - lo
  if (block === undefined)
    return { scaleBy: scaled ? widest : Infinity, blockSize: 0, increment: 0 }
  if (block.scale === "E4M3")
    return { scaleBy: hi * blockScaleFormat.hi, blockSize: block.size, increment: 0 }
  if (rule === undefined) throw new Error(`${name} needs a rule for its shared exponent`)
  return { scaleBy: Infinity, blockSize: block.size, increment: increments(mantissaBits, hi)[rule] }
}

/**
 * The row of a format. Steps below 2^-126 are not used: TensorFlow flushes smaller floats to zero. With blocks and a
 * finite scaleBy the block scales are E4M3, under the tensor scale amax / scaleBy; with blocks and an infinite one they
 * are E8M0. Throws for a format of E8M0 scales without a rule.
 */
export const toRow = (format: Format, sharedExponent?: SharedExponent): Row => {
  const { mantissaBits, minExponent, lo, hi, zeroPoint } = format
  const zero = zeroOf(format)
  const affine = zeroPoint === "found" ? 1 : 0
  if (mantissaBits >= 23) return { ...identity, zero, affine }
  return {
    relative: 2 ** -mantissaBits,
    smallest: 2 ** Math.max(minExponent - mantissaBits, -126),
    lo,
    hi,
    ...blockColumns(format, sharedExponent),
    zero,
    affine,
  }
}

/** A row with a zero point, under one that is known. */
export const withZeroPoint = (row: Row, zeroPoint: number): Row => ({
  ...row,
  lo: row.lo - zeroPoint,
  hi: row.hi - zeroPoint,
  affine: 0,
})
