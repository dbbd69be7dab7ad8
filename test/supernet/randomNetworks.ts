/**
 * Random networks in the space language: blocks inside of blocks with searched fields, groups, norms, activations, branches
 * and choices, in formats of every family. What people write, tests of single blocks do not foresee.
 */
import { stringify } from "yaml"
import { type Random, randomStream } from "../../src/space/RandomStream.ts"
import { problemsOf } from "../network/fixture.ts"

type Item = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const activations = ["relu", "none", "hardSwish", "silu", "elu", "tanh", "leakyRelu", "gelu"]
const norms = [
  {},
  { norm: "layer" },
  { norm: "group", normGroups: 4 },
  { norm: "none", bias: true },
  { bias: true },
]
const formats = [
  { oneOf: ["INT4", "INT8"] },
  { oneOf: ["INT3", "INT6", "E4M3"] },
  { oneOf: ["E2M1", "E4M3", "BF16"] },
  { oneOf: ["MXFP4", "MXINT8", "INT8"], scale: { sharedExponent: "floor" } },
  { oneOf: ["NVFP4", "INT8"] },
  { oneOf: ["INT4", "INT8"], scale: { granularity: "channel", rule: "mse" } },
  { oneOf: ["INT4", "INT8"], scale: { granularity: "channel", rule: "learned" } },
]

/** Items drawn one by one, each with a name of its own. */
class Drawing {
  readonly random: Random
  private count = 0

  constructor(random: Random) {
    this.random = random
  }

  pick<T>(options: ReadonlyArray<T>): T {
    return options[this.random.integer(options.length)]!
  }

  maybe(probability: number): boolean {
    return this.random.uniform() < probability
  }

  /** One value, or a decision among all. */
  field(options: ReadonlyArray<unknown>): unknown {
    return this.maybe(0.4) ? { oneOf: options } : this.pick(options)
  }

  name(): { readonly name: string } {
    return { name: `n${this.count++}` }
  }

  activation(): { readonly activation: unknown } {
    return { activation: this.maybe(0.15) ? { oneOf: ["relu", "none"] } : this.pick(activations) }
  }

  conv(filters: unknown): Item {
    const groups = this.maybe(0.3) ? { groups: this.pick([2, 4]) } : {}
    const dilation = this.maybe(0.2) ? { dilation: 2 } : {}
    const kernel = this.field([1, 3, 5])
    const common = { ...this.name(), filters, kernel, ...groups, ...dilation }
    return { conv: { ...common, ...this.activation(), ...this.pick(norms) } }
  }

  /** `kept`: the channels that it must end in, undefined: any. */
  item(depth: number, kept?: number): Item {
    const filters = kept ?? this.field([8, 16])
    const leaves: ReadonlyArray<() => Item> = [
      () => this.conv(filters),
      () => ({
        depthwiseConv: { ...this.name(), kernel: this.field([3, 5]), ...this.pick(norms) },
      }),
      () => ({
        invertedResidual: {
          ...this.name(),
          filters,
          kernel: this.field([3, 5]),
          expansion: this.field([1, 2, 2.5]),
          seRatio: this.field([0, 0.25]),
          repeats: this.field([1, 2]),
          ...this.activation(),
        },
      }),
      () => ({ basic: { ...this.name(), filters } }),
      () => ({ squeezeExcite: { ...this.name(), ratio: this.field([0.25, 0.5]) } }),
      () => ({ norm: { kind: this.pick(["batch", "layer"]) } }),
    ]
    const joins: ReadonlyArray<() => Item> = [
      () => ({ residual: { ...this.name(), items: this.items(depth - 1, kept) } }),
      () => this.sum(depth, kept ?? this.pick([8, 16])),
      () => this.choice(depth, kept ?? this.pick([8, 16])),
      ...(kept === undefined ? [() => this.concat(depth)] : []),
    ]
    return this.pick(depth > 0 ? [...leaves, ...joins] : leaves)()
  }

  items(depth: number, kept?: number): ReadonlyArray<Item> {
    return Array.from({ length: 1 + this.random.integer(2) }, () => this.item(depth, kept))
  }

  concat(depth: number): Item {
    const branches = [1, 2].map(() => ({ items: this.items(depth - 1) }))
    return { concat: { ...this.name(), branches } }
  }

  sum(depth: number, kept: number): Item {
    const branches = [
      { items: [this.conv(kept)] },
      { items: [this.conv(kept), ...this.items(depth - 1, kept)] },
    ]
    return { sum: { ...this.name(), branches } }
  }

  choice(depth: number, kept: number): Item {
    const items = [this.conv(kept), ...this.items(depth - 1, kept)]
    return {
      choice: {
        ...this.name(),
        oneOf: [this.conv(kept), { residual: { ...this.name(), items } }],
      },
    }
  }
}

const draw = (random: Random): string => {
  const drawing = new Drawing(random)
  const size = drawing.maybe(0.2) ? { oneOf: [16, 32] } : 32
  return stringify({
    name: "random",
    input: { height: size, width: size, channels: 3 },
    classes: 10,
    network: [
      { conv: { name: "stem", filters: drawing.field([8, 16]), kernel: 3, stride: 4 } },
      ...drawing.items(2),
      ...drawing.items(2),
      drawing.pick([{ globalAveragePool: {} }, { globalMaxPool: {} }]),
      ...(drawing.maybe(0.3) ? [{ dense: { name: "hidden", units: drawing.field([8, 12]) } }] : []),
      { dense: { name: "classifier", units: "classes" } },
    ],
    formats: drawing.pick(formats),
  })
}

/** The space file of a seed; what the language refuses, such as branches that cannot be joined, is drawn anew. */
export const randomNetwork = (seed: number): string => {
  const random = randomStream(seed, "network")
  for (;;) {
    const yaml = draw(random)
    if (problemsOf(yaml).length === 0) return yaml
  }
}

/**
 * Seeds of a test run: eight, or as many as FLIQS_NETWORKS says:
 *
 *     FLIQS_NETWORKS=200 npm test -- test/supernet/RandomNetworks.slow.test.ts test/export/RandomFiles.integration.test.ts
 */
export const seeds: ReadonlyArray<number> = Array.from(
  { length: Number(process.env["FLIQS_NETWORKS"] ?? 8) },
  (_, i) => i + 1,
)
