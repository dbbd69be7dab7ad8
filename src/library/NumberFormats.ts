/**
 * Number formats and fake quantization of plain arrays, without TensorFlow and with the same bits.
 *
 * Left out: tensors and gradients (`quantizer/FakeQuantize.ts`), scales of a channel (`quantizer/reference.ts`).
 */
import type { Format, SharedExponent } from "../format/Format.ts"
import { names, parse } from "../format/Formats.ts"
import { toRow } from "../format/Row.ts"
import { fakeQuantizeBlocksReference, fakeQuantizeReference } from "../quantizer/reference.ts"

/** Name -> format, of every format there is: `INT4`, `E4M3`, `BF16`, `MXFP4`, ... */
export const formats: ReadonlyMap<string, Format> = new Map(
  names.map((name) => [name, parse(name)!]),
)

/**
 * Rounds values to what a format can represent under one scale, absmax / largest value of the format.
 *
 * Formats with blocks (MX..., NVFP4) scale consecutive values block by block as well.
 *
 * @param values of any length; taken as float32
 * @param options.absmax the magnitude that the format's largest value stands for, above 0; beyond it values saturate.
 *   Default: the largest of the values
 * @param options.sharedExponent the rule for the power of two of a block; `floor`, as the OCP has it, by default
 * @returns as many values, float32
 */
export const fakeQuantize = (
  values: ArrayLike<number>,
  format: Format,
  options: { readonly absmax?: number; readonly sharedExponent?: SharedExponent } = {},
): Float32Array => {
  const x = Float32Array.from(values)
  const row = toRow(format, options.sharedExponent ?? "floor")
  return format.block === undefined
    ? fakeQuantizeReference(x, row, options.absmax)
    : fakeQuantizeBlocksReference(x, row, Math.max(1, x.length), 1, options.absmax)
}
