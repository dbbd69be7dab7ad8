/**
 * Number formats in ONNX: the element type that a format's codes are stored in, and how they lie in bytes.
 *
 * An integer without a type of its own takes the next wider one, which has all its values. A small float without one is
 * stored as codes with a table of their values. Left out: the nodes that make floats of them (`OnnxWeights.ts`, `OnnxInputs.ts`).
 */
import type { Format } from "../../format/Format.ts"
import { isInteger } from "../Encoding.ts"
import type { ExportOptions } from "../Target.ts"
import { DataType } from "./OnnxGraph.ts"

/** An element type, with the opset that has it in QuantizeLinear, DequantizeLinear and Cast. */
export interface ElementType {
  readonly name: string
  readonly type: DataType
  readonly bits: number
  readonly opset: number
}

const element = (name: keyof typeof DataType, bits: number, opset: number): ElementType => ({
  name,
  type: DataType[name],
  bits,
  opset,
})

const signed = [
  element("INT2", 2, 25),
  element("INT4", 4, 21),
  element("INT8", 8, 13),
  element("INT16", 16, 21),
]
const unsigned = [
  element("UINT2", 2, 25),
  element("UINT4", 4, 21),
  element("UINT8", 8, 13),
  element("UINT16", 16, 21),
]

const floats: Readonly<Record<string, ElementType>> = {
  E4M3: element("FLOAT8E4M3FN", 8, 19),
  E5M2: element("FLOAT8E5M2", 8, 19),
  E4M3FNUZ: element("FLOAT8E4M3FNUZ", 8, 19),
  E5M2FNUZ: element("FLOAT8E5M2FNUZ", 8, 19),
}
const fourBits = element("FLOAT4E2M1", 4, 23)
const wide: Readonly<Record<string, ElementType>> = {
  BF16: element("BFLOAT16", 16, 13),
  FP16: element("FLOAT16", 16, 13),
}

/** The float that one element of a format is, blocks or not: `E2M1` of MXFP4. */
const elementName = ({ block, name }: Format): string =>
  block === undefined ? name : name.replace(/^MXFP\d/, "").replace(/^NVFP4$|^$/, "E2M1")

/**
 * How a format is stored: `linear` codes that DequantizeLinear reads, `cast` to float, codes with a `table` of their
 * values, or `float32` as they are.
 */
export type Storage =
  | { readonly kind: "linear" | "cast" | "table"; readonly type: ElementType }
  | { readonly kind: "float32" }

/** Whether the codes of an input with a frozen scale are bytes (`OnnxByteCodes.ts`). */
export const isEightBits = ({ bits, kind }: Format): boolean =>
  (kind === "int" || kind === "uint") && bits <= 8

const integerOf = ({ bits, lo, zeroPoint }: Format): ElementType =>
  (lo < 0 && zeroPoint === undefined ? signed : unsigned).find((type) => type.bits >= bits)!

/** What an input in another format is rounded in by QuantizeLinear; undefined where it is rounded in arithmetic. */
export const inputTypeOf = (format: Format, storage: Storage): ElementType | undefined => {
  if (storage.kind !== "linear") return undefined
  if (!isInteger(format)) return storage.type
  return integerOf(format)
}

/** Of a format, with the values that it may have; an integer from 0 up is unsigned. */
export const storageOf = (
  format: Format,
  { emulate, flavour }: Pick<ExportOptions, "emulate" | "flavour">,
): Storage => {
  if (format.mantissaBits >= 23) return { kind: "float32" }
  const cast = wide[format.name]
  if (cast !== undefined) return { kind: "cast", type: cast }
  if (isInteger(format)) return { kind: "linear", type: integerOf(format) }
  const name = elementName(format)
  const type = name === "E2M1" && flavour === "standard" ? fourBits : floats[name]
  if (type !== undefined) return { kind: "linear", type }
  if (emulate) return { kind: "float32" }
  return { kind: "table", type: format.bits <= 4 ? unsigned[1]! : unsigned[2]! }
}

/** For the metadata: what is in the file. */
export const storageText = (format: Format, storage: Storage): string => {
  if (storage.kind === "float32")
    return format.mantissaBits >= 23 ? "FLOAT" : "FLOAT, fake-quantized"
  return storage.kind === "table"
    ? `${storage.type.name} codes, table of values`
    : storage.type.name
}

/** Codes of `bits` bits one after the other, the first in the lowest bits of a byte. */
export const pack = (codes: Int32Array, bits: number): Uint8Array => {
  if (bits === 16) return new Uint8Array(Int16Array.from(codes).buffer)
  if (bits === 8) return Uint8Array.from(codes)
  const each = 8 / bits
  const mask = (1 << bits) - 1
  const bytes = new Uint8Array(Math.ceil(codes.length / each))
  for (let i = 0; i < codes.length; i++)
    bytes[Math.floor(i / each)]! |= (codes[i]! & mask) << (bits * (i % each))
  return bytes
}
