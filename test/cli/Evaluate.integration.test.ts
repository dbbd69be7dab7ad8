/** `fliqs export` and `fliqs evaluate` on a trained trial: what passes, what fails, what the numbers are. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import { ModelProtoSchema, StringStringEntryProtoSchema } from "onnx-buf"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { writeClasses } from "../data/imageFolders.ts"
import { type Answer, fliqs, json, makeFolder } from "./fliqs.ts"

const space = (formats: string): string => `name: small
input: { height: 8, width: 8, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: 12, kernel: 3 }
  - conv: { name: body, filters: 12, kernel: 3, stride: 2 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
widthRounding: exact
formats: ${formats}
`

const experiment = (name: string, uniform: string): string => `name: ${name}
space: ${name}.yaml
data: { kind: synthetic, batchSize: 32, heldOut: 64, height: 8, width: 8, test: 300 }
train: { steps: 120, checkpointEvery: 60, learningRate: { kind: cosine, peak: 0.05, warmupSteps: 5 } }
search: { kind: fixed, uniform: ${uniform} }
finish: { recalibrate: 5 }
track: { kind: none }
`

const { folder, remove } = makeFolder({
  "integers.yaml": space("{ oneOf: [INT8], scale: { granularity: channel } }"),
  "integers-run.yaml": experiment("integers", "INT8"),
  // Sums of floats come out otherwise in another order: what no bound of 0 allows.
  "floats.yaml": space("{ oneOf: [FP32] }"),
  "floats-run.yaml": experiment("floats", "FP32"),
})
afterAll(remove)
const at = (name: string): string => join(folder, name)
const file = at("integers.onnx")

interface Listed {
  readonly id: string
  readonly experiment: string
  readonly metrics: Readonly<Record<string, number>>
}
let trials: ReadonlyArray<Listed> = []
let exported: Answer
const idOf = (name: string): string => trials.find(({ experiment }) => experiment === name)!.id

const run = (...words: ReadonlyArray<string>) => fliqs(words, { cwd: folder })

beforeAll(async () => {
  for (const name of ["integers", "floats"]) {
    const { code, stderr } = await run("run", at(`${name}-run.yaml`), "--jobs", "1")
    if (code !== 0) throw new Error(stderr)
  }
  trials = json(await run("list", "--json"))
  exported = await run("export", idOf("integers"), "--out", file, "--json")
})

describe("fliqs export", () => {
  it("writes a file that gives the network's answers", () => {
    expect(exported.code).toBe(0)
    expect(json(exported)).toMatchObject({ to: "onnx", path: file, verified: { passed: true } })
  })

  it("writes nothing beyond the bound, and leaves what was there", async () => {
    const out = at("floats.onnx")
    writeFileSync(out, "what was there")
    const words = ["export", idOf("floats"), "--out", out]
    const { code, stderr } = await run(...words, "--bound", "0", "--images", "300")
    expect(code).toBe(1)
    expect(stderr).toMatch(/floats\.onnx was not written: of 300 images \d+ have the same largest/)
    expect(stderr).toContain("on three of four images (bound: 0)")
    expect(readFileSync(out, "utf8")).toBe("what was there")
    expect(existsSync(`${out}.unverified`)).toBe(false)
    const fine = await run(...words, "--images", "300")
    expect([fine.code, readFileSync(out).length > 1000]).toEqual([0, true])
    const loose = await run(...words, "--bound", "0.5")
    expect([loose.code, loose.stderr]).toEqual([2, expect.stringContaining("0 to 0.05")])
  })
})

interface Evaluated {
  readonly accuracy: number
  readonly finalAccuracy: number | null
  readonly difference: number | null
  readonly data: { readonly images: number }
  readonly classes: ReadonlyArray<{
    readonly name: string
    readonly images: number
    readonly recall: number | null
  }>
  readonly confusion: ReadonlyArray<ReadonlyArray<number>>
  readonly size: Readonly<Record<string, number>>
  readonly latency: Readonly<Record<string, number>>
  readonly layers: ReadonlyArray<{
    readonly path: string
    readonly weights: string
    readonly kernels: ReadonlyArray<string>
    readonly ms: number
  }>
}

describe("fliqs evaluate TRIAL", () => {
  it("finds the accuracy that the trial reported, and what is behind it", async () => {
    const answer = await run("evaluate", idOf("integers"), "--profile", "--json")
    expect([answer.code, answer.code === 0 ? "" : answer.stderr]).toEqual([0, ""])
    const found = json<Evaluated>(answer)
    // Learned: a share of a tenth would be that of chance.
    expect(found.accuracy).toBeGreaterThan(0.5)
    expect(Math.abs(found.difference!)).toBeLessThanOrEqual(0.001 + 1e-9)
    expect(found.classes.map(({ name }) => name)).toEqual(
      Array.from({ length: 10 }, (_, i) => `class${i}`),
    )
    const right = found.confusion.reduce((sum, row, c) => sum + row[c]!, 0)
    expect([found.data.images, right / 300]).toEqual([300, found.accuracy])
    expect(found.confusion.map((row) => row.reduce((a, b) => a + b))).toEqual(Array(10).fill(30))
    expect(Math.abs(found.size["weights"]! / found.size["predictedWeights"]! - 1)).toBeLessThan(
      0.02,
    )
    expect(found.size["fp32"]).toBeGreaterThan(found.size["file"]!)
    for (const key of ["ms", "fp32Ms", "ratio"]) expect(found.latency[key]).toBeGreaterThan(0)
    expect(found.layers.map(({ path }) => path)).toEqual(["stem", "body", "classifier"])
    for (const { kernels, ms, weights } of found.layers) {
      expect(kernels.length).toBeGreaterThan(0)
      expect([ms > 0, weights]).toEqual([true, "INT8"])
    }
  })
})

describe("fliqs evaluate FILE", () => {
  it("knows the images of its trial, names and layers, in a table that fits", async () => {
    const { code, stdout } = await run("evaluate", file, "--profile")
    const text = String(stdout)
    expect(code).toBe(0)
    expect(text).toMatch(/accuracy +\d+\.\d\d % of 300 test images of synthetic/)
    expect(text).toMatch(/trial +\d+\.\d\d % is what it reported, [+-]0\.\d\d points/)
    expect(text).toMatch(/0: class0 +\d/)
    expect(text).toMatch(/weights and their scales .*[+-]0\.\d %/)
    expect(text).toMatch(/\nbody +INT8 +\d/)
    expect(text.split("\n").filter((line) => line.length > 80)).toEqual([])
  })

  it("takes images that --data and --set name", async () => {
    const fewer = ["--data", at("integers-run.yaml"), "--set", "testLimit=50"]
    const answer = await run("evaluate", file, ...fewer, "--json")
    expect(json<Evaluated>(answer)).toMatchObject({ data: { images: 50 }, finalAccuracy: null })
    // The classes of a folder are not those of the file.
    await writeClasses(at("images"), [12, 12, 12])
    const folders = await run("evaluate", file, "--data", at("images"))
    expect(folders.code).toBe(2)
    expect(folders.stderr).toMatch(/images has the class c0, which .*integers\.onnx does not know/)
    const digits = await run("evaluate", file, "--data", "sinthetic")
    expect([digits.code, digits.stderr]).toEqual([2, expect.stringContaining("synthetic")])
  })

  it("takes a folder of images, in the size of the file, its classes by their names", async () => {
    await writeClasses(at("own"), [12, 12, 12])
    for (const [i, name] of ["class5", "class1", "class3"].entries())
      renameSync(at(`own/c${i}`), at(`own/${name}`))
    const words = ["evaluate", file, "--data", at("own"), "--set", "testShare=0.5", "--json"]
    const answer = await run(...words)
    expect([answer.code, answer.code === 0 ? "" : answer.stderr]).toEqual([0, ""])
    const found = json<Evaluated>(answer)
    expect(found.data).toEqual({ name: "own", split: "test", images: 18 })
    expect(found.classes.map(({ images }) => images)).toEqual([0, 6, 0, 6, 0, 6, 0, 0, 0, 0])
  })

  it("says what a file of others lacks, and takes it from the images", async () => {
    const model = fromBinary(ModelProtoSchema, readFileSync(file))
    const foreign = at("foreign.onnx")
    writeFileSync(foreign, toBinary(ModelProtoSchema, { ...model, metadataProps: [] }))
    const alone = await run("evaluate", foreign)
    expect(alone.code).toBe(2)
    expect(alone.stderr).toContain(
      "its metadata has no fliqs.classes, no fliqs.mean, no fliqs.std, no fliqs.size. --data",
    )
    const data = ["--data", at("integers-run.yaml"), "--json"]
    const beside = json<Evaluated>(await run("evaluate", foreign, ...data))
    const own = json<Evaluated>(await run("evaluate", file, ...data))
    expect(beside.confusion).toEqual(own.confusion)
    expect(beside.size["fp32"]).toBe(null)
    const entry = create(StringStringEntryProtoSchema, { key: "fliqs.size", value: "[8, 9, 3]" })
    const others = model.metadataProps.filter(({ key }) => key !== "fliqs.size")
    writeFileSync(
      foreign,
      toBinary(ModelProtoSchema, { ...model, metadataProps: [...others, entry] }),
    )
    const sized = await run("evaluate", foreign, ...data)
    expect(sized.code).toBe(2)
    expect(sized.stderr).toContain("takes images of 8 x 9 x 3 (height, width, channels)")
  })

  it("refuses what is no ONNX file, and no trial", async () => {
    const none = await run("evaluate", at("integers.yaml"))
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("it is no ONNX file")])
    const missing = await run("evaluate", at("missing.onnx"))
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining("no such file")])
    const id = await run("evaluate", "ffff")
    expect([id.code, id.stderr]).toEqual([2, expect.stringContaining("no trial ffff in")])
  })
})
