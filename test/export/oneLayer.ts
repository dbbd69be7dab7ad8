/** Networks of one layer, or of one transformer: every kind of layer x what a scale covers x every format. */
import type { FoundModel } from "../../src/export/FoundModel.ts"
import { names, parse } from "../../src/format/Formats.ts"
import { modelOf } from "./models.ts"

interface Kind {
  /** Channels that no block size divides, and that need more than one block of every size. */
  readonly input: string
  readonly classes: number
  readonly network: (products: string) => string
}

/** Quantized products of attention are a kind of their own. */
export const kinds = {
  conv: {
    input: "{ height: 5, width: 5, channels: 37 }",
    classes: 5,
    network: () => `
  - conv: { name: layer, filters: 5, kernel: 3, stride: 2 }
  - globalAveragePool: {}`,
  },
  depthwiseConv: {
    input: "{ height: 5, width: 5, channels: 37 }",
    classes: 37,
    network: () => `
  - depthwiseConv: { name: layer, kernel: 3 }
  - globalAveragePool: {}`,
  },
  dense: {
    input: "{ height: 1, width: 1, channels: 37 }",
    classes: 6,
    network: () => `
  - globalAveragePool: {}
  - dense: { name: layer, units: classes }`,
  },
  // behind a relu that runtimes fuse with what surrounds it
  convs: {
    input: "{ height: 6, width: 6, channels: 3 }",
    classes: 5,
    network: () => `
  - conv: { name: stem, filters: 12, kernel: 3 }
  - conv: { name: body, filters: 12, kernel: 3, activation: relu6 }
  - conv: { name: top, filters: 12, kernel: 3 }
  - maxPool: { window: 2 }
  - conv: { name: layer, filters: 5, kernel: 1 }
  - globalAveragePool: {}`,
  },
  attention: transformer(""),
  attentionProducts: transformer(", attentionProducts: FORMAT"),
} as const satisfies Readonly<Record<string, Kind>>

function transformer(products: string): Kind {
  return {
    input: "{ height: 6, width: 4, channels: 3 }",
    classes: 4,
    network: (format) => `
  - patchEmbed: { name: embed, patch: 2, heads: 2, headDim: 20 }
  - transformer: { mlpRatio: 1${products.replace("FORMAT", format)} }
  - takeClassToken: {}
  - dense: { name: classifier, units: classes }`,
  }
}

/** What one scale covers, of weights and of inputs. */
const scales = {
  tensor: "tensor",
  channel: "{ weights: channel, activations: tensor }",
  token: "{ weights: channel, activations: token }",
  block: "block, blockSize: 8",
} as const
type Scales = keyof typeof scales

const scalesOf = (kind: keyof typeof kinds): ReadonlyArray<Scales> =>
  kind.startsWith("attention") ? ["tensor", "token", "block"] : ["tensor", "channel", "block"]

export interface Combination {
  readonly name: string
  readonly kind: keyof typeof kinds
  readonly format: string
  /** Whether one layer is all there is, so that its input is the same number for number wherever it runs. */
  readonly isAlone: boolean
  readonly model: () => FoundModel
}

const combination = (kind: keyof typeof kinds, scale: Scales, format: string): Combination => {
  const { classes, input, network } = kinds[kind]
  const { block, zeroPoint } = parse(format)!
  // weights are symmetric about 0
  const offered =
    zeroPoint === undefined ? format : `{ weights: ${format.slice(1)}, activations: ${format} }`
  const shared = /^MX(?:FP4|FP6E3M2|FP8E5M2|INT8)$/u.test(format) ? "roundUp" : "even"
  const rule = block?.scale === "E8M0" ? `sharedExponent: ${shared}` : ""
  const granularity = scale === "tensor" ? "" : `granularity: ${scales[scale]}`
  const yaml = `
name: matrix
input: ${input}
classes: ${classes}
network:${network(format)}
formats: { oneOf: [${offered}], scale: { ${[rule, granularity].filter((text) => text !== "").join(", ")} } }
`
  return {
    name: `${kind}-${scale}-${format}`,
    kind,
    format,
    isAlone: /^(?:conv|depthwiseConv|dense)$/u.test(kind),
    model: () => modelOf(yaml, ({ space }) => space.decisions.map(() => 0)),
  }
}

/** All of them; a format without float32 scales has nothing that one could cover. */
export const combinations: ReadonlyArray<Combination> = (
  Object.keys(kinds) as ReadonlyArray<keyof typeof kinds>
).flatMap((kind) =>
  scalesOf(kind).flatMap((scale) =>
    names
      .filter((name) => {
        const { block, scaled } = parse(name)!
        return (scaled && block === undefined) || scale === scalesOf(kind)[0]
      })
      .map((name) => combination(kind, scale, name)),
  ),
)

/** How many of the `count` images have logits that differ by more than a share of the largest one. */
export const differing = (
  ours: Float32Array,
  theirs: Float32Array,
  count: number,
  share: number,
): number => {
  const bound = share * Math.max(...ours.map(Math.abs))
  const classes = ours.length / count
  const isWrong = (value: number, i: number) => !(Math.abs(value - theirs[i]!) <= bound)
  return Array.from({ length: count }, (_, i) => i * classes).filter((from) =>
    ours.subarray(from, from + classes).some((value, c) => isWrong(value, from + c)),
  ).length
}
