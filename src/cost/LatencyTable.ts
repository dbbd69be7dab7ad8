/**
 * Measured times of layers: the schema of the file, its keys, and what of it a network can ask for.
 *
 * A key is (kind, shape, formats and what their scales cover); two layers with the same key share one entry. `fliqs latency`
 * fills such a file on this machine; a script that measures another device writes the same format. Left out: the cost made
 * of it (`Latency.ts`), measuring (`supernet/LayerTimer.ts`).
 */
import { Schema } from "effect"
import type { Problem } from "../declaration/Errors.ts"
import { field, optional, SchemaPath, withDefault } from "../declaration/Field.ts"
import { explain, parse } from "../format/Formats.ts"
import { combine, type Quantity } from "../space/Quantity.ts"
import { optionOf } from "./Bits.ts"
import { formatsOf, formatsText, type KeyFormats, readFormats } from "./KeyFormats.ts"
import type { Layer, LayerTable } from "./LayerTable.ts"

const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000_000 }))
const Pair = Schema.Tuple([Count, Count]).annotate({ examples: [[3, 3]] })

const ms = Schema.Record(Schema.String, Schema.Finite.check(Schema.isGreaterThan(0))).annotate({
  description:
    "Milliseconds by format: INT4 for weight and input alike, INT4/INT8 for an INT4 weight and an INT8 input; INT4@channel, INT8@token, INT4@block16 where a scale covers less than the tensor.",
  examples: [{ INT4: 0.21, "INT4/INT8": 0.25 }],
})

const image = {
  height: field(Count, "Height of the input in pixels.", { examples: [56] }),
  width: field(Count, "Width of the input in pixels.", { examples: [56] }),
  channels: field(Count, "Channels of the input.", { examples: [64] }),
}
const window = {
  kernel: field(Pair, "[height, width] of the kernel in pixels."),
  stride: field(Pair, "[down, right] from one place of the kernel to the next, in pixels."),
  padding: field(
    Schema.Literals(["same", "valid"]),
    "What is at the edges: zeros (same), or whole windows only (valid).",
  ),
  dilation: optional(Pair, "[down, right] from one element of the kernel to the next, in pixels.", {
    default: [1, 1],
  }),
}

const ConvTimes = Schema.Struct({
  kind: Schema.Literal("conv"),
  ...image,
  outputs: field(Count, "Output channels.", { examples: [64] }),
  ...window,
  groups: optional(Count, "Parts of the channels, each convolved alone.", { default: 1 }),
  ms,
}).annotate({ identifier: "ConvTimes", description: "Times of a convolution." })

const DepthwiseConvTimes = Schema.Struct({
  kind: Schema.Literal("depthwiseConv"),
  ...image,
  ...window,
  ms,
}).annotate({ identifier: "DepthwiseConvTimes", description: "Times of a depthwise convolution." })

const DenseTimes = Schema.Struct({
  kind: Schema.Literal("dense"),
  tokens: field(Count, "Vectors that meet the weight: 1 for a classifier.", { examples: [1] }),
  channels: field(Count, "Length of a vector.", { examples: [64] }),
  outputs: field(Count, "Length of its product.", { examples: [10] }),
  ms,
}).annotate({ identifier: "DenseTimes", description: "Times of a fully connected layer." })

const LayerTimes = Schema.Union([ConvTimes, DepthwiseConvTimes, DenseTimes]).annotate({
  identifier: "LayerTimes",
})
type LayerTimes = typeof LayerTimes.Type

export const LatencyTable = Schema.Struct({
  $schema: SchemaPath,
  machine: Schema.String.annotate({ description: "What was measured: the processor or device." }),
  date: field(
    Schema.String.check(
      Schema.isPattern(/^\d{4}-\d{2}-\d{2}$/, { expected: "a date such as 2026-01-31" }),
    ),
    "Day of the measurement: year-month-day.",
    { examples: ["2026-01-31"] },
  ),
  threads: field(Count, "Threads that a layer ran on.", { examples: [1] }),
  batch: withDefault(Count, 1, "Images at a time."),
  versions: withDefault(
    Schema.Record(Schema.String, Schema.String).annotate({
      description: "Versions of the software that was measured, by name.",
      examples: [{ fliqs: "0.1.0" }],
    }),
    {},
  ),
  layers: field(Schema.Array(LayerTimes), "Measured layers, one entry for each shape.", {
    examples: [
      [{ kind: "dense", tokens: 1, channels: 64, outputs: 10, ms: { INT4: 0.01, INT8: 0.02 } }],
    ],
  }),
}).annotate({
  identifier: "LatencyTable",
  description: "A fliqs latency table: milliseconds of layers by kind, shape and format.",
})
export type LatencyTable = typeof LatencyTable.Type

type Shape<T> = T extends unknown ? Omit<T, "ms"> : never
/** A layer as the table knows it: everything that its time depends on except its formats. */
export type LayerKey = Shape<LayerTimes>

/** One time that a network can need. */
export interface TimeKey extends KeyFormats {
  readonly layer: LayerKey
}

const layerText = (layer: LayerKey): string => {
  if (layer.kind === "dense") return `dense ${layer.tokens}x${layer.channels} to ${layer.outputs}`
  const { channels, dilation, height, kernel, kind, padding, stride, width } = layer
  const outputs = kind === "conv" ? ` to ${layer.outputs}` : ""
  const { groups = 1 } = kind === "conv" ? layer : {}
  const parts = groups === 1 ? "" : `, ${groups} groups`
  const apart = (dilation ?? []).some((n) => n > 1) ? `, dilation ${dilation!.join("x")}` : ""
  return `${kind} ${height}x${width}x${channels}${outputs}, kernel ${kernel.join("x")}, stride ${stride.join("x")}, ${padding}${parts}${apart}`
}

/** `conv 56x56x64 to 128, kernel 3x3, stride 2x2, same, INT4/INT8`: equal only for equal keys. */
export const textOf = (key: TimeKey): string => `${layerText(key.layer)}, ${formatsText(key)}`

/** A quantity made of the key that a layer has under each joint choice; 0 where the layer is inactive. */
export const overKeys = (layer: Layer, f: (key: TimeKey) => number): Quantity => {
  const { activationFormat, active, kind, outputs, shape, weightFormat } = layer
  const extents = "kernel" in shape ? [...shape.kernel, shape.height, shape.width] : []
  return combine(
    [
      active,
      optionOf(weightFormat),
      optionOf(activationFormat),
      shape.channels,
      outputs,
      ...extents,
    ],
    ([runs, weights, activations, channels, units, kh, kw, height, width]) => {
      if (runs === 0) return 0
      const formats = formatsOf(
        layer,
        weightFormat.formats[weights!]!,
        activationFormat.formats[activations!]!,
      )
      if ("tokens" in shape) {
        const { tokens } = shape
        return f({
          layer: { kind: "dense", tokens, channels: channels!, outputs: units! },
          ...formats,
        })
      }
      const { dilation, groups, padding, stride } = shape
      const common = { height: height!, width: width!, channels: channels! }
      const rest = {
        kernel: [kh!, kw!] as const,
        stride,
        padding,
        ...(dilation === undefined ? {} : { dilation }),
      }
      return f({
        layer:
          kind === "depthwiseConv"
            ? { kind, ...common, ...rest }
            : {
                kind: "conv",
                ...common,
                outputs: units!,
                ...rest,
                ...(groups === undefined ? {} : { groups }),
              },
        ...formats,
      })
    },
  )
}

/** Every time that the layers can need, each once, in the order of the network. */
export const keysOf = ({ layers }: LayerTable): ReadonlyArray<TimeKey> => {
  const keys = new Map<string, TimeKey>()
  for (const layer of layers)
    overKeys(layer, (key) => {
      const text = textOf(key)
      if (!keys.has(text)) keys.set(text, key)
      return 0
    })
  return [...keys.values()]
}

const times = new WeakMap<LatencyTable, ReadonlyMap<string, number>>()

/** Milliseconds by `textOf`; made once for each table in memory. */
export const timesOf = (table: LatencyTable): ReadonlyMap<string, number> => {
  const known = times.get(table)
  if (known !== undefined) return known
  const made = new Map<string, number>()
  for (const { ms, ...layer } of table.layers)
    for (const [name, value] of Object.entries(ms)) {
      const formats = readFormats(name)
      if (formats === undefined) continue
      made.set(textOf({ layer, ...formats }), value)
    }
  times.set(table, made)
  return made
}

/** The table with these times added; the times of one layer share one entry. */
export const withTimes = (
  table: LatencyTable,
  added: ReadonlyArray<readonly [TimeKey, number]>,
): LatencyTable => {
  const layers = new Map<
    string,
    { readonly layer: LayerKey; readonly ms: Record<string, number> }
  >()
  for (const { ms, ...layer } of table.layers)
    layers.set(layerText(layer), { layer, ms: { ...layers.get(layerText(layer))?.ms, ...ms } })
  for (const [key, value] of added) {
    const { layer } = key
    const entry = layers.get(layerText(layer)) ?? { layer, ms: {} }
    entry.ms[formatsText(key)] = value
    layers.set(layerText(layer), entry)
  }
  return {
    ...table,
    layers: [...layers.values()].map(({ layer, ms }) => ({ ...layer, ms }) as LayerTimes),
  }
}

/** Only those times of a table that a network can need: times of other networks are not part of a trial. */
export const usedOf = (table: LatencyTable, network: LayerTable): LatencyTable => {
  const all = timesOf(table)
  const { $schema: _, ...kept } = table
  return withTimes(
    { ...kept, layers: [] },
    keysOf(network).flatMap((key) => {
      const value = all.get(textOf(key))
      return value === undefined ? [] : [[key, value] as const]
    }),
  )
}

/** The keys that a network can need and that have no time. */
export const missingFrom = (table: LatencyTable, network: LayerTable): ReadonlyArray<TimeKey> => {
  const all = timesOf(table)
  return keysOf(network).filter((key) => !all.has(textOf(key)))
}

/** Problems that the schema cannot express: unknown formats, repeated entries; by paths into the table. */
export const tableProblems = (table: LatencyTable): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  const seen = new Map<string, number>()
  for (const [i, { ms, ...layer }] of table.layers.entries())
    for (const name of Object.keys(ms)) {
      const path = ["layers", i, "ms", name]
      const formats = readFormats(name)
      if (formats === undefined) {
        const wrong = name.split("/").find((part) => parse(part.split("@")[0]!) === undefined)
        const message =
          wrong === undefined
            ? "is no format; write INT4, INT4/INT8 for weight and input, or INT4@channel/INT8@token, INT4@block16 for scales of less than the tensor"
            : `${wrong} is no format; ${explain(wrong)}`
        problems.push({ path, at: "key", message })
        continue
      }
      const text = textOf({ layer, ...formats })
      const before = seen.get(text)
      if (before !== undefined)
        problems.push({
          path,
          at: "key",
          message: `${text} is in layers.${before} too; keep one of them`,
        })
      seen.set(text, i)
    }
  return problems
}
