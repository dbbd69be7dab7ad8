/**
 * A weight in the graph: its codes in one or two bytes, its scales, and the operations that make floats of them.
 *
 *     codes * scale                       integers, and floats whose values are multiples of a step within one byte
 *     GatherV2(values, codes) * scale     other floats of up to 8 bits
 *     16 bits                             FP16, BF16
 *
 * A scale of the tensor is the constant's own. Scales of channels and blocks are multiplied in the graph: each product
 * is rounded to float32 as the network rounds it, so the values are the same bit for bit, but for the sign of a zero.
 * Left out: which codes (`../Codes.ts`), how a constant lies in a file.
 */
import type { Format } from "../../format/Format.ts"
import { blockScaleFormat } from "../../format/Row.ts"
import { exponentOf, powerOfTwo } from "../../format/round.ts"
import { type Codes, isCoded, type Scales, type Stored, valuesOf } from "../Codes.ts"
import {
  codeOf,
  isInteger,
  stepOf,
  valueOfCode,
  valuesOfCodes,
  valuesOfExponents,
} from "../Encoding.ts"
import type { ExportOptions } from "../Target.ts"
import type { TensorFlowGraph } from "./TensorFlowGraph.ts"

type Storage =
  | { readonly kind: "float32" | "half" | "bfloat16" | "table" }
  | { readonly kind: "steps"; readonly step: number; readonly bits: 8 | 16 }

/** How weights of a format are stored. */
export const storageOf = (format: Format, { emulate }: Pick<ExportOptions, "emulate">): Storage => {
  if (format.mantissaBits >= 23) return { kind: "float32" }
  if (isInteger(format))
    return { kind: "steps", step: stepOf(format), bits: format.bits > 8 ? 16 : 8 }
  if (format.name === "FP16") return { kind: "half" }
  if (format.name === "BF16") return { kind: "bfloat16" }
  const step = powerOfTwo(format.minExponent - format.mantissaBits)
  if (format.hi / step <= 127) return { kind: "steps", step, bits: 8 }
  return { kind: emulate ? "float32" : "table" }
}

/** For the metadata: what a constant is in a file that has types for 16-bit floats, or does not. */
export const storageText = (format: Format, storage: Storage, hasBfloat16: boolean): string => {
  switch (storage.kind) {
    case "float32":
      return format.mantissaBits >= 23 ? "float32" : "float32, fake-quantized"
    case "half":
      return "float16"
    case "bfloat16":
      return hasBfloat16 ? "bfloat16" : "float32, fake-quantized"
    case "table":
      return "8-bit codes, table of values"
    case "steps":
      return `${storage.bits}-bit codes`
  }
}

type Blocks = Extract<Scales, { readonly kind: "blocks" }>

const blockScales = (
  graph: TensorFlowGraph,
  name: string,
  { axis, scales, size, type }: Blocks,
  shape: ReadonlyArray<number>,
): string => {
  const counts = shape.map((length, i) => (i === axis ? Math.ceil(length / size) : length))
  const each = ((): string => {
    if (type === "float32") return graph.floats(`${name}.blockScale`, scales, counts)
    const codes = Int32Array.from(scales, (value) =>
      type === "E4M3" ? codeOf(value, blockScaleFormat) : exponentOf(value) + 127,
    )
    const stored = graph.constant(`${name}.blockCode`, { kind: "bytes", codes, shape: counts })
    const table = graph.shared(type === "E4M3" ? "values.E4M3" : "values.E8M0", () => {
      const values = type === "E4M3" ? valuesOfCodes(blockScaleFormat) : valuesOfExponents()
      return { kind: "float32", values, shape: [256] }
    })
    return graph.gather(table, stored, 0, `${name}.blockScale`)
  })()
  const blocks = Array.from({ length: shape[axis]! }, (_, i) => Math.floor(i / size))
  return graph.gather(each, graph.whole(...blocks), axis, `${name}.scales`)
}

/** The values of the codes, times `scale` where they are steps. */
const elements = (
  graph: TensorFlowGraph,
  name: string,
  { codes, format, shape }: Codes,
  storage: Storage,
  scale: number,
): string => {
  switch (storage.kind) {
    case "steps": {
      const { bits, step } = storage
      const whole = codes.map((code) => valueOfCode(code, format) / step)
      return graph.constant(name, { kind: "codes", codes: whole, bits, scale: scale * step, shape })
    }
    case "half":
    case "bfloat16": {
      const values = Float32Array.from(codes, (code) => valueOfCode(code, format))
      return graph.constant(name, { kind: storage.kind, codes, values, shape })
    }
    default: {
      const table = graph.shared(`values.${format.name}`, () => {
        const values = valuesOfCodes(format)
        return { kind: "float32", values, shape: [values.length] }
      })
      const stored = graph.constant(`${name}.codes`, { kind: "bytes", codes, shape })
      const values = graph.gather(table, stored, 0, `${name}.values`)
      return scale === 1 ? values : graph.each("Mul", [values, graph.scalar(scale)], name)
    }
  }
}

/** Adds a weight and gives the name of its values, float32 in the shape that the network has it in. */
export const addWeight = (
  graph: TensorFlowGraph,
  name: string,
  shape: ReadonlyArray<number>,
  stored: Stored,
  options: ExportOptions,
): string => {
  const storage = storageOf(stored.format, options)
  if (!isCoded(stored) || storage.kind === "float32")
    return graph.floats(name, valuesOf(stored), shape)
  const { scales } = stored
  const scale = scales.kind === "tensor" ? scales.scale : 1
  const values = elements(graph, name, stored, storage, scale)
  switch (scales.kind) {
    case "none":
    case "tensor":
      return values
    case "channels": {
      const sizes = shape.map((_, i) => (i === scales.axis ? scales.scales.length : 1))
      const each = graph.floats(`${name}.scale`, scales.scales, sizes)
      return graph.each("Mul", [values, each], `${name}.scaled`)
    }
    case "blocks": {
      const each = blockScales(graph, name, scales, shape)
      const inBlock = graph.each("Mul", [values, each], `${name}.inBlock`)
      if (scales.type !== "E4M3") return inBlock
      return graph.each("Mul", [inBlock, graph.scalar(scales.tensorScale)], `${name}.scaled`)
    }
  }
}
