import { readFileSync } from "node:fs"
import { Effect, Result, Schema } from "effect"
import { describe, expect, it } from "vitest"
import { compile } from "../../src/cost/Cost.ts"
import { make, problems } from "../../src/cost/Costs.ts"
import {
  keysOf,
  LatencyTable,
  missingFrom,
  tableProblems,
  textOf,
  type TimeKey,
  usedOf,
  withTimes,
} from "../../src/cost/LatencyTable.ts"
import { parseBytes } from "../../src/declaration/Document.ts"
import { extract } from "../../src/supernet/Child.ts"
import { fromAssignment } from "../../src/space/DecisionSpace.ts"
import { buildSpace, joint } from "../network/fixture.ts"

const network = buildSpace(`
name: small
input: { height: 8, width: 8, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: { oneOf: [8, 16] }, kernel: { oneOf: [1, 3] } }
  - depthwiseConv: { kernel: 3, stride: 2 }
  - invertedResidual: { repeats: { oneOf: [1, 2] }, filters: 8, expansion: 2 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats:
  weights: { oneOf: [INT4, INT8] }
  activations: INT8
  overrides:
    - { match: classifier, oneOf: [BF16] }
`)

const head = { machine: "a device", date: "2026-01-31", threads: 1, batch: 1, versions: {} }
const empty: LatencyTable = { ...head, layers: [] }

/** A made-up time, another for every key. */
const made = ({ activations, layer, weights }: TimeKey): number =>
  layer.channels +
  ("outputs" in layer ? layer.outputs / 100 : 0) +
  ("kernel" in layer ? layer.kernel[0] / 1e4 : 0) +
  weights.bits / 1e6 +
  activations.bits / 1e8

const full = withTimes(
  empty,
  keysOf(network.table).map((key) => [key, made(key)]),
)

const model = make({ kind: "latency", table: full, target: 1 })

const choose = (assignment: Record<string, string | number>) => {
  return Result.getOrThrow(fromAssignment(network.space, assignment))
}

const shallow = {
  "stem.filters": 16,
  "stem.kernel": 3,
  "stage1.repeats": 1,
  "stem.weightFormat": "INT4",
  "depthwiseConv.weightFormat": "INT8",
  "stage1.0.expand.weightFormat": "INT4",
  "stage1.0.depthwise.weightFormat": "INT4",
  "stage1.0.project.weightFormat": "INT8",
}

describe("the latency cost", () => {
  const cost = compile(network.table, model, network.space)

  it("adds up the times of the keys that the choices select; what is inactive takes none", () => {
    const layers = [
      3 + 0.16 + 3e-4 + 4e-6 + 8e-8,
      16 + 3e-4 + 8e-6 + 8e-8,
      16 + 0.32 + 1e-4 + 4e-6 + 8e-8,
      32 + 3e-4 + 4e-6 + 8e-8,
      32 + 0.08 + 1e-4 + 8e-6 + 8e-8,
      8 + 0.1 + 16e-6 + 16e-8,
    ]
    const total = layers.reduce((a, b) => a + b, 0)
    expect(cost.of(choose(shallow))).toBeCloseTo(total, 9)
    const deep = {
      ...shallow,
      "stage1.repeats": 2,
      "stage1.1.expand.weightFormat": "INT4",
      "stage1.1.depthwise.weightFormat": "INT4",
      "stage1.1.project.weightFormat": "INT4",
    }
    const second = 8 + 0.16 + 1e-4 + 16 + 3e-4 + 16 + 0.08 + 1e-4 + 3 * (4e-6 + 8e-8)
    expect(cost.of(choose(deep))).toBeCloseTo(total + second, 9)
  })

  it("is, of a found network on its own, what it was in the space", () => {
    const choices = choose(shallow)
    const child = extract(network, choices)
    expect(compile(child.table, model, child.space).of([])).toBe(cost.of(choices))
  })

  it("has a gradient that is the difference of its expectations", () => {
    const uniform = network.space.decisions.map(({ options }) =>
      new Float64Array(options.length).fill(1 / options.length),
    )
    const kernel = network.space.decisions.findIndex(({ path }) => path === "stem.kernel")
    const at = (option: number) =>
      cost.expected(
        uniform.map((p, i) => (i === kernel ? p.map((_, k) => (k === option ? 1 : 0)) : p)),
      )
    const gradient = cost.gradient(uniform)[kernel]!
    expect(gradient[1]! - gradient[0]!).toBeCloseTo(at(1) - at(0), 9)
    expect(at(1) - at(0)).toBeCloseTo(2e-4, 9)
  })
})

describe("the keys of a network", () => {
  it("are all that the choices can select, each once", () => {
    const texts = keysOf(network.table).map(textOf)
    expect(new Set(texts).size).toBe(texts.length)
    expect(texts).toContain("conv 8x8x3 to 16, kernel 1x1, stride 1x1, same, INT4/INT8")
    expect(texts).toContain("depthwiseConv 8x8x8, kernel 3x3, stride 2x2, same, INT8")
    expect(texts).toContain("dense 1x8 to 10, BF16")
    // stem 2 x 2, depthwise 2, expand 3 inputs, depthwise 3, project 3, of two formats each; the classifier has one
    expect(texts.length).toBe(2 * (4 + 2 + 2 + 2 + 2) + 1)
  })

  it("say what scales cover where it is not the tensor, of formats that have such", () => {
    const formatsIn = (scale: string) => {
      const { table } = buildSpace(`
name: attended
input: { height: 8, width: 8, channels: 3 }
classes: 10
network:
  - patchEmbed: { name: embed, patch: 4, heads: 1, headDim: 8 }
  - transformer: {}
  - takeClassToken: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [INT8, BF16, NVFP4], scale: ${scale} }
`)
      const keys = keysOf(table)
      const times = withTimes(
        empty,
        keys.map((key, i) => [key, i + 1]),
      )
      expect(tableProblems(times)).toEqual([])
      expect(missingFrom(times, table)).toEqual([])
      const texts = keys.map(textOf)
      const first = (start: string) =>
        texts.filter((text) => text.startsWith(start)).map((text) => text.split(", ").at(-1))
      return [first("conv"), first("dense 5x8 to 24"), first("dense 1x")].map(([name]) => name)
    }
    expect(formatsIn("{}")).toEqual(["INT8", "INT8", "INT8"])
    expect(formatsIn("{ granularity: token }")).toEqual(["INT8", "INT8/INT8@token", "INT8"])
    expect(formatsIn("{ granularity: channel }")[2]).toBe("INT8@channel/INT8")
    expect(formatsIn("{ granularity: block, blockSize: 4 }")[0]).toBe("INT8@block4")
    expect(formatsIn("{ granularity: { weights: channel, activations: token } }")[1]).toBe(
      "INT8@channel/INT8@token",
    )
  })

  it("of a width that layers share meet no combination that cannot be", () => {
    // at 32 x 32: stage1's project, then the expand of stage2.0; no 24 to 8 though both widths are there
    const pairs = keysOf(buildSpace(joint).table).flatMap(({ layer }) =>
      layer.kind === "conv" && layer.height === 32 && layer.kernel[0] === 1
        ? [`${layer.channels} to ${layer.outputs}`]
        : [],
    )
    expect([...new Set(pairs)].sort()).toEqual(
      ["16 to 8", "24 to 16", "32 to 16", "8 to 24", "8 to 48", "16 to 48", "16 to 96"].sort(),
    )
  })
})

describe("a table", () => {
  it("lacks what it has no time of, and gives a network what it can ask for alone", () => {
    expect(missingFrom(full, network.table)).toEqual([])
    const [first, ...rest] = keysOf(network.table)
    const gap = withTimes(
      empty,
      rest.map((key) => [key, 1]),
    )
    expect(missingFrom(gap, network.table).map(textOf)).toEqual([textOf(first!)])
    const other: TimeKey = {
      ...first!,
      layer: { kind: "dense", tokens: 1, channels: 9, outputs: 9 },
    }
    const more = withTimes(full, [[other, 5]])
    expect(more.layers.length).toBe(full.layers.length + 1)
    const shuffled = { ...more, layers: [...more.layers].reverse() }
    expect(usedOf(shuffled, network.table)).toEqual(full)
  })

  it("says how it is filled: in the runtime that it was begun in", () => {
    const messageOf = (versions: LatencyTable["versions"]) => {
      const table = { ...empty, versions }
      const spec = { kind: "latency", table, target: 1 } as const
      return problems(spec, network.table, "fliqs latency SPACE --out FILE")[0]?.message
    }
    expect(messageOf({})).toMatch(/fill it by fliqs latency SPACE --out FILE$/u)
    expect(messageOf({ onnxruntime: "1.30.0" })).toMatch(/--out FILE --runtime onnxruntime$/u)
  })

  it("reads back as it was written", () => {
    const again = Schema.decodeUnknownSync(LatencyTable)(JSON.parse(JSON.stringify(full)))
    expect(again).toEqual(full)
  })

  it("tells scales that there are not", () => {
    const dense = { kind: "dense", tokens: 4, channels: 8, outputs: 10 } as const
    const problemsOf = (name: string) =>
      tableProblems({ ...head, layers: [{ ...dense, ms: { [name]: 1 } }] })
    for (const right of [
      "INT4@channel/INT4",
      "E4M3/INT8@token",
      "INT4@block16",
      "BF16/INT4@block2",
    ])
      expect(problemsOf(right)).toEqual([])
    for (const wrong of [
      "INT4@channel",
      "INT4@token",
      "INT4/INT4@channel",
      "INT4@block",
      "INT4@block016",
      "INT4@row",
      "BF16@block16",
      "MXFP4@block16",
      "INT4@channel@channel/INT4",
    ])
      expect([wrong, problemsOf(wrong)[0]?.message]).toEqual([
        wrong,
        expect.stringContaining("is no format; write INT4, INT4/INT8"),
      ])
  })

  it("of a network of paper size with the largest set of formats can be read back", async () => {
    for (const name of ["resnet50", "efficientnet-b4"]) {
      const [shape] = readFileSync(`spaces/${name}.yaml`, "utf8").split("\nformats:")
      const all = "{ oneOf: fliqs-l-fp }"
      const large = buildSpace(`${shape}\nformats: { weights: ${all}, activations: ${all} }\n`)
      const table = withTimes(
        empty,
        keysOf(large.table).map((key) => [key, 0.01234]),
      )
      const bytes = new TextEncoder().encode(JSON.stringify(table))
      const { value } = await Effect.runPromise(parseBytes("times.json", bytes))
      expect(value).toEqual(table)
      expect(missingFrom(table, large.table)).toEqual([])
    }
  })

  it("tells unknown formats and times that stand twice", () => {
    const dense = { kind: "dense", tokens: 1, channels: 8, outputs: 10 } as const
    const table: LatencyTable = {
      ...head,
      layers: [
        { ...dense, ms: { INT4: 1, "INT4/INT9000": 1, "INT4/INT8/INT8": 1 } },
        { ...dense, ms: { "INT4/INT4": 2 } },
      ],
    }
    const messages = tableProblems(table).map(
      ({ message, path }) => `${path.join(".")}: ${message}`,
    )
    expect(messages).toEqual([
      expect.stringMatching(/^layers\.0\.ms\.INT4\/INT9000: INT9000 is no format; /),
      "layers.0.ms.INT4/INT8/INT8: is no format; write INT4, INT4/INT8 for weight and input, or INT4@channel/INT8@token, INT4@block16 for scales of less than the tensor",
      "layers.1.ms.INT4/INT4: dense 1x8 to 10, INT4 is in layers.0 too; keep one of them",
    ])
  })
})
