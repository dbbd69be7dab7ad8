/** What is fixed in an item, in words: its fields, the layers it is made of. */
import type { Layer } from "../../cost/LayerTable.ts"
import type { Shape } from "../../network/Graph.ts"
import type { Choices } from "../../space/Decision.ts"
import { type Quantity, valueOf } from "../../space/Quantity.ts"
import type { Found } from "./Instances.ts"

type Fields = Readonly<Record<string, unknown>>

/** Fields that are drawn another way. */
const drawn = new Set(["name", "items", "branches", "oneOf", "repeats", "from", "shared"])

/** What says nothing: what a reader expects where no word is said. */
const usual: Fields = {
  stride: 1,
  padding: "same",
  norm: "batch",
  groups: 1,
  dilation: 1,
  projection: "auto",
  shortcut: "auto",
  widthScaling: "normal",
  seRatio: 0,
  expand: "auto",
  dropPath: 0,
  headDim: 64,
  classToken: false,
  bias: false,
}

/** Parts of squeeze-excite, which say nothing where there is none. */
const ofSqueeze = new Set(["seOf", "seRounding", "seGate"])

/** A value that is fixed; undefined where a decision takes it. */
const fixedText = (value: unknown): string | undefined => {
  if (Array.isArray(value)) return value.map((one) => String(one)).join(" × ")
  if (typeof value !== "object" || value === null) return String(value)
  if ("use" in value) return `by ${String(value.use)}`
  if (!("oneOf" in value) || !Array.isArray(value.oneOf)) return JSON.stringify(value)
  const oneOf: ReadonlyArray<unknown> = value.oneOf
  return oneOf.length === 1 ? fixedText(oneOf[0]) : undefined
}

const twice = (text: string) => (/^\d+$/.test(text) ? `${text} × ${text}` : text)

const factOf = (key: string, value: unknown): string | undefined => {
  const text = fixedText(value)
  if (text === undefined) return undefined
  if (key === "use") return text
  if (value === true) return key
  if (value === false) return `no ${key}`
  if (key === "kernel" || key === "window" || key === "patch") return `${twice(text)} ${key}`
  if (key === "filters" || key === "units" || key === "heads" || key === "groups")
    return /^\d/.test(text) ? `${text} ${key}` : `${key} ${text}`
  if (key === "activation" || key === "kind") return text === "none" ? undefined : text
  return `${key} ${text}`
}

const order = ["kind", "kernel", "window", "patch", "filters", "units", "stride"]

/** The fixed fields of an item: `3 × 3 kernel, 16 filters, relu`. */
export const factsOf = (fields: Fields): string => {
  const hasSqueeze = fields["seRatio"] !== undefined && fields["seRatio"] !== 0
  return Object.keys(fields)
    .filter((key) => !drawn.has(key) && fields[key] !== undefined && fields[key] !== usual[key])
    .filter((key) => hasSqueeze || !ofSqueeze.has(key))
    .sort((a, b) => ((order.indexOf(a) + 99) % 99) - ((order.indexOf(b) + 99) % 99))
    .flatMap((key) => factOf(key, fields[key]) ?? [])
    .join(", ")
}

/** A size as decided, or the range of those above 0. */
export const sizeText = (size: Quantity, choices: Choices | undefined): string => {
  if (choices !== undefined) return String(valueOf(size, choices))
  const values = [...size.values].filter((value) => value > 0)
  const [least, most] = [Math.min(...values), Math.max(...values)]
  return values.length === 0 ? "0" : least === most ? `${most}` : `${least}..${most}`
}

export const shapeText = (shape: Shape, choices: Choices | undefined): string => {
  const size = (quantity: Quantity) => sizeText(quantity, choices)
  switch (shape.kind) {
    case "image":
      return `${size(shape.height)} × ${size(shape.width)} × ${size(shape.channels)}`
    case "tokens":
      return `${shape.tokens} tokens × ${size(shape.channels)}`
    case "vector":
      return size(shape.channels)
  }
}

/** The layers that an item is made of: `expand 1 × 1, 96 → depthwise 3 × 3, 96 → project 1 × 1, 24`. */
export const layersText = (
  layers: ReadonlyArray<Found<Layer>>,
  choices: Choices | undefined,
): string => {
  const first = new Map<string, Layer>()
  for (const { rest, value } of layers) if (!first.has(rest)) first.set(rest, value)
  return [...first]
    .map(([name, { outputs, shape }]) => {
      const kernel =
        "kernel" in shape
          ? ` ${shape.kernel.map((extent) => sizeText(extent, choices)).join(" × ")},`
          : ""
      // a layer is not broken between two lines
      return `${name}${kernel} ${sizeText(outputs, choices)}`.replaceAll(" ", "\u00a0")
    })
    .join(" → ")
}
