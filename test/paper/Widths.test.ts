/**
 * Costs of the paper's networks at other widths and sizes, each added up here from the networks' own tables: no layer
 * table, no blocks, no `scaleWidth` of this project.
 */
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { compile } from "../../src/cost/Cost.ts"
import { Gbops } from "../../src/cost/Gbops.ts"
import { build } from "../../src/network/Build.ts"
import { uniformTable } from "../../src/network/format/Uniform.ts"
import { buildSpace, decodeSpace } from "../network/fixture.ts"

const multipliers = [0.5, 0.75, 1, 1.25, 1.5, 2]

const spaceOf = (name: string, multiplier: number): string =>
  readFileSync(`spaces/${name}.yaml`, "utf8").replace(
    /^widthMultiplier: [\d.]+/m,
    `widthMultiplier: ${multiplier}`,
  )

/** GBOPs with E4M3 everywhere. */
const costOf = (name: string, multiplier: number): number => {
  const network = buildSpace(spaceOf(name, multiplier))
  const { table, choices } = uniformTable(network, "E4M3")
  return compile(table, Gbops, network.space).of(choices)
}

const half = (size: number): number => Math.ceil(size / 2)
const sum = (terms: ReadonlyArray<number>): number => terms.reduce((a, b) => a + b, 0)

/** ResNet-18 (arXiv 1512.03385, table 1), a projection in the first block of every stage. */
const resnet18 = (m: number): number => {
  let macs = 112 ** 2 * 49 * 3 * 64 * m
  for (const [filters, before, size] of [
    [64, 64, 56],
    [128, 64, 28],
    [256, 128, 14],
    [512, 256, 7],
  ].map(([a, b, size]) => [a! * m, b! * m, size!] as const))
    macs += size ** 2 * (9 * before * filters + 3 * 9 * filters ** 2 + before * filters)
  return macs + 512 * m * 1000
}

/** ResNet-50, the stride on the 3x3 (v1.5). */
const resnet50 = (m: number): number => {
  let macs = 112 ** 2 * 49 * 3 * 64 * m
  for (const [inner, before, repeats, from, size] of [
    [64, 64, 3, 56, 56],
    [128, 256, 4, 56, 28],
    [256, 512, 6, 28, 14],
    [512, 1024, 3, 14, 7],
  ].map(
    ([a, b, ...rest]) => [a! * m, b! * m, ...rest] as [number, number, number, number, number],
  )) {
    const ends = size ** 2 * (9 * inner ** 2 + 4 * inner ** 2)
    macs += from ** 2 * before * inner + ends + size ** 2 * before * 4 * inner
    macs += (repeats - 1) * (size ** 2 * 4 * inner * inner + ends)
  }
  return macs + 2048 * m * 1000
}

/** To the nearest multiple of 8, 8 at least, up where that loses a tenth (the reference code of MobileNet). */
const round8 = (channels: number): number => {
  const near = Math.max(8, 8 * Math.trunc((channels + 4) / 8))
  return near < 0.9 * channels ? near + 8 : near
}

type Stage = readonly [
  expansion: number,
  filters: number,
  repeats: number,
  stride: number,
  kernel: number,
]

const inverted = (
  input: number,
  m: number,
  stages: ReadonlyArray<Stage>,
  head: number,
  depth = 1,
): number => {
  let size = half(input)
  let channels = round8(32 * m)
  let macs = size ** 2 * 27 * channels
  for (const [expansion, filters, repeats, stride, kernel] of stages)
    for (let repeat = 0; repeat < Math.ceil(repeats * depth - 1e-9); repeat++) {
      const inner = expansion * channels
      if (expansion > 1) macs += size ** 2 * channels * inner
      if (repeat === 0 && stride === 2) size = half(size)
      macs += size ** 2 * inner * (kernel ** 2 + round8(filters * m))
      channels = round8(filters * m)
    }
  return macs + size ** 2 * channels * head + head * 1000
}

/** MobileNetV2 (arXiv 1801.04381, table 2); its head never shrinks. */
const mobilenetV2 = (m: number): number =>
  inverted(
    224,
    m,
    [
      [1, 16, 1, 1, 3],
      [6, 24, 2, 2, 3],
      [6, 32, 3, 2, 3],
      [6, 64, 4, 2, 3],
      [6, 96, 3, 1, 3],
      [6, 160, 3, 2, 3],
      [6, 320, 1, 1, 3],
    ],
    round8(1280 * Math.max(1, m)),
  )

/** EfficientNet (arXiv 1905.11946, table 1): B0's stages, wider, deeper, on larger images. */
const efficientnet =
  (input: number, depth: number) =>
  (m: number): number =>
    inverted(
      input,
      m,
      [
        [1, 16, 1, 1, 3],
        [6, 24, 2, 2, 3],
        [6, 40, 2, 2, 5],
        [6, 80, 3, 2, 3],
        [6, 112, 3, 1, 5],
        [6, 192, 4, 2, 5],
        [6, 320, 1, 1, 3],
      ],
      round8(1280 * m),
      depth,
    )

/** InceptionV3 (arXiv 1512.00567): per size, the products input x output x taps of each convolution. */
const inceptionV3 = (m: number): number => {
  const wide = (products: ReadonlyArray<readonly [number, number, number]>): number =>
    sum(products.map(([inputs, outputs, taps]) => inputs * outputs * taps)) * m ** 2
  /** 1x1; 1x1 and 5x5; 1x1, 3x3 and 3x3; pool and 1x1. */
  const a = (x: number, pool: number) =>
    wide([
      [x, 64, 1],
      [x, 48, 1],
      [48, 64, 25],
      [x, 64, 1],
      [64, 96, 9],
      [96, 96, 9],
      [x, pool, 1],
    ])
  /** 1x1; 1x1, 1x7, 7x1; 1x1, 7x1, 1x7, 7x1, 1x7; pool and 1x1. */
  const c = (n: number) =>
    wide([
      [768, 192, 1],
      [768, n, 1],
      [n, n, 7],
      [n, 192, 7],
      [768, n, 1],
      [n, n, 7],
      [n, n, 7],
      [n, n, 7],
      [n, 192, 7],
      [768, 192, 1],
    ])
  const e = (x: number) =>
    wide([
      [x, 320, 1],
      [x, 384, 1],
      [384, 384, 3],
      [384, 384, 3],
      [x, 448, 1],
      [448, 384, 9],
      [384, 384, 3],
      [384, 384, 3],
      [x, 192, 1],
    ])
  return sum([
    149 ** 2 * 3 * 32 * m * 9,
    147 ** 2 *
      wide([
        [32, 32, 9],
        [32, 64, 9],
      ]),
    73 ** 2 * wide([[64, 80, 1]]),
    71 ** 2 * wide([[80, 192, 9]]),
    35 ** 2 * (a(192, 32) + a(256, 64) + a(288, 64)),
    17 ** 2 * wide([[288, 384, 9]]),
    35 ** 2 *
      wide([
        [288, 64, 1],
        [64, 96, 9],
      ]),
    17 ** 2 * wide([[96, 96, 9]]),
    17 ** 2 * (c(128) + 2 * c(160) + c(192)),
    17 ** 2 *
      wide([
        [768, 192, 1],
        [768, 192, 1],
        [192, 192, 7],
        [192, 192, 7],
      ]),
    8 ** 2 *
      wide([
        [192, 320, 9],
        [192, 192, 9],
      ]),
    8 ** 2 * (e(1280) + e(2048)),
    2048 * m * 1000,
  ])
}

const networks: ReadonlyArray<readonly [string, (m: number) => number]> = [
  ["resnet18", resnet18],
  ["resnet50", resnet50],
  ["mobilenet-v2", mobilenetV2],
  ["efficientnet-b0", efficientnet(224, 1)],
  ["efficientnet-b1", efficientnet(240, 1.1)],
  ["efficientnet-b2", efficientnet(260, 1.2)],
  ["efficientnet-b3", efficientnet(300, 1.4)],
  ["efficientnet-b4", efficientnet(380, 1.8)],
  ["inception-v3", inceptionV3],
]

describe("GBOPs at every width, E4M3 everywhere", () => {
  it.each(networks)("%s", (name, macs) => {
    for (const m of multipliers)
      expect(costOf(name, m) / ((macs(m) * 64) / 1e9), `width ${m}`).toBeCloseTo(1, 12)
  })

  it.each([
    ["efficientnet-b1", 1],
    ["efficientnet-b2", 1.1],
    ["efficientnet-b3", 1.2],
    ["efficientnet-b4", 1.4],
  ] as const)("%s has its own width, %s", (name, width) => {
    const own = buildSpace(readFileSync(`spaces/${name}.yaml`, "utf8"))
    const { table, choices } = uniformTable(own, "E4M3")
    expect(compile(table, Gbops, own.space).of(choices)).toBe(costOf(name, width))
  })

  /** DeiT (arXiv 2012.12877, table 1), the multiplier on heads, the classifier in BF16. */
  const deit = [
    ["deit-tiny", 3],
    ["deit-small", 6],
    ["deit-base", 12],
  ].flatMap(([name, heads]) =>
    multipliers.map((m) => ({ name: String(name), m, heads: Number(heads) * m })),
  )
  const isWhole = ({ heads }: { readonly heads: number }) => Number.isInteger(heads)

  it.each(deit.filter(isWhole))("$name at width $m", ({ name, m, heads }) => {
    const width = 64 * heads
    const body = 196 * 16 ** 2 * 3 * width + 12 * 197 * 12 * width ** 2
    const gbops = (body * 64 + width * 1000 * 256) / 1e9
    expect(costOf(name, m) / gbops).toBeCloseTo(1, 12)
  })

  it.each(deit.filter((one) => !isWhole(one)))(
    "$name at width $m is refused: it would cut a head",
    ({ name, m, heads }) => {
      const { problems } = build(decodeSpace(spaceOf(name, m)))
      expect(problems[0]!.message).toContain(`gives ${heads} heads`)
    },
  )
})

it("an assignment of ResNet-50 costs under a millisecond once its table is compiled", () => {
  const network = buildSpace(readFileSync("spaces/resnet50.yaml", "utf8"))
  const cost = compile(network.table, Gbops, network.space)
  const choices = network.space.decisions.map(() => 0)
  const spent = Array.from({ length: 100 }, () => {
    const start = performance.now()
    cost.of(choices)
    return performance.now() - start
  })
  expect(spent.sort((a, b) => a - b)[50]).toBeLessThan(1)
})
