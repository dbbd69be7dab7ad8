/**
 * Block formats: consecutive elements share a scale of eight bits.
 *
 * The micro-scaled kinds of OCP MX 1.0 have blocks of 32 and a power of two as scale (E8M0). NVFP4 has blocks of 16
 * with an E4M3 scale, under one float32 scale for the tensor. MXINT8 has the elements k / 64, k in -127..127.
 *
 * Left out: rounding (`roundBlocks.ts`), along which dimension blocks run (`quantizer/`).
 */
import { FloatFormat } from "./FloatFormat.ts"
import type { BlockScale, Format, FormatFamily } from "./Format.ts"

const blocks = (name: string, element: Format, block: BlockScale): Format => ({
  ...element,
  name,
  kind: "block",
  scaled: block.scale === "E4M3",
  block,
})

const microScaled = (name: string, element: Format): Format =>
  blocks(name, element, { size: 32, scale: "E8M0", bits: 8 })

const float = (name: string): Format => FloatFormat.make(name)!

const sixtyFourths: Format = {
  name: "MXINT8",
  kind: "block",
  bits: 8,
  mantissaBits: 6,
  minExponent: 0,
  lo: -127 / 64,
  hi: 127 / 64,
  negativeZero: false,
  scaled: false,
}

const formats: ReadonlyArray<Format> = [
  microScaled("MXFP4", float("E2M1")),
  microScaled("MXFP6E2M3", float("E2M3")),
  microScaled("MXFP6E3M2", float("E3M2")),
  microScaled("MXFP8E4M3", float("E4M3")),
  microScaled("MXFP8E5M2", float("E5M2")),
  microScaled("MXINT8", sixtyFourths),
  blocks("NVFP4", float("E2M1"), { size: 16, scale: "E4M3", bits: 8 }),
]

export const BlockFormat: FormatFamily = {
  kind: "block",
  names: formats.map(({ name }) => name),
  make: (name) => formats.find((format) => format.name === name),
  refusal: (name) =>
    name === "MXFP6" || name === "MXFP8"
      ? `there are two; name the element: ${name === "MXFP6" ? "MXFP6E2M3 or MXFP6E3M2" : "MXFP8E4M3 or MXFP8E5M2"}`
      : undefined,
}
