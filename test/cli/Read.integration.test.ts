/** The commands that only read: their answers, their JSON, their exit codes. */
import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { experiment, fliqs, json, makeFolder, space } from "./fliqs.ts"

const wrongSpace = `name: wrong
input: { height: 8, width: 8, chanels: 3 }
classes: 1
network:
  - conv: { name: stem, filters: -8, kernel: 3 }
  - conv: { name: stem, filters: 8, kernel: 3 }
  - globalAveragePool: {}
  - dence: { name: classifier, units: classes }
formats: { oneOf: [INT2, INT44, INT2] }
`
const { folder, remove } = makeFolder({
  "space.yaml": space,
  "experiment.yaml": experiment,
  "wrong.yaml": wrongSpace,
  "sensitive.yaml": "stem.format: 0.2\nbody.fromat: 0.1\n",
  "flat.json": JSON.stringify({ "stem.format": 0, "body.format": 0, "classifier.format": 0 }),
  "neither.yaml": "name: neither\n",
  "table.json": JSON.stringify({ machine: "x", date: "2026-01-31", threads: 1, layers: [] }),
  "result.json": JSON.stringify({
    state: "finished",
    metrics: {},
    assignment: { "stem.format": "INT8" },
  }),
  "results.jsonl": '{"id":"a"}\n{"id":"b"}\n',
  "assignment.json": JSON.stringify({
    "stem.format": "INT8",
    "body.format": "INT2",
    "classifier.format": "INT4",
  }),
  "partial.yaml": "stem.format: INT9\nbody.fromat: INT2\n",
})
afterAll(remove)
const at = { cwd: folder }

// stem 8x8 outputs of 3x3x3 by 8 filters; body 4x4 of 3x3x8 by 8; classifier 8 by 10
const macs = { stem: 64 * 27 * 8, body: 16 * 72 * 8, classifier: 80 }

describe("validate", () => {
  it("tells every mistake with its place, and exits with 2", async () => {
    const answer = await fliqs(["validate", "wrong.yaml"], at)
    expect(answer.code).toBe(2)
    const lines = answer.stdout.toString().trim().split("\n")
    expect(lines.length).toBeGreaterThanOrEqual(6)
    for (const line of lines) expect(line).toMatch(/^wrong\.yaml:\d+:\d+ [\w.]+: .+/)
    expect(answer.stdout.toString()).toContain("channels")
  })

  it("says OK and what it is, and exits with 0", async () => {
    const answer = await fliqs(["validate", "space.yaml", "experiment.yaml"], at)
    expect(answer.code).toBe(0)
    expect(answer.stdout.toString()).toBe(
      "OK space.yaml: space, 3 decisions, 27 assignments, 0.00009248 to 0.00148 GBOPs\n" +
        "OK experiment.yaml: experiment, 4 trials\n" +
        "data synthetic\n" +
        "split  used for            images  classes  passed over  broken\n" +
        "train  train, 64 held out    2500       10            0       0\n" +
        "test   test                   500       10            0       0\n",
    )
  })

  it("warns of a $schema that leads nowhere, with one that does not", async () => {
    writeFileSync(join(at.cwd, "copied.yaml"), `$schema: ../schemas/space.schema.json\n${space}`)
    const answer = await fliqs(["validate", "copied.yaml", "space.yaml"], at)
    expect(answer.code).toBe(0)
    expect(answer.stderr).toMatch(
      /^warning: copied.yaml:1:10 \$schema: no such file, .*; \/.*schemas\/space.schema.json would be right$/m,
    )
  })

  it("answers in JSON of the documented shape", async () => {
    const answer = await fliqs(
      ["validate", "space.yaml", "wrong.yaml", "none.yaml", "neither.yaml", "--json"],
      at,
    )
    expect(answer.code).toBe(2)
    const [good, wrong, none, neither] = json<ReadonlyArray<any>>(answer)
    expect(good).toMatchObject({
      file: "space.yaml",
      kind: "space",
      decisions: 3,
      cardinality: "27",
      errors: [],
    })
    const all = macs.stem + macs.body + macs.classifier
    expect(good.cost.min).toBeCloseTo((all * 4) / 1e9, 12)
    expect(good.cost.max).toBeCloseTo((all * 64) / 1e9, 12)
    expect(wrong.kind).toBe("space")
    expect(Object.keys(wrong.errors[0])).toEqual(
      expect.arrayContaining(["line", "column", "path", "message"]),
    )
    expect(none).toMatchObject({ kind: "unknown", errors: [{ line: 1, column: 1 }] })
    expect(neither.errors[0].message).toContain("network")
    for (const [file, what] of [
      ["table.json", "a latency table"],
      ["result.json", "the result of a trial"],
      ["assignment.json", "an assignment"],
    ] as const) {
      const [other] = json<ReadonlyArray<any>>(await fliqs(["validate", file, "--json"], at))
      expect(other.kind).toBe("unknown")
      expect(other.errors[0].message).toContain(`this is ${what}, and fliqs validate takes a space`)
    }
  })
})

const gated = `name: gated
input: { height: 8, width: 8, channels: 3 }
classes: 10
choices: { precision: { oneOf: [INT4, INT8] }, format: { oneOf: [8, 16] } }
network:
  - conv: { name: stem, filters: { use: format }, kernel: 3 }
  - basic: { filters: 8, repeats: { oneOf: [1, 2] }, kernel: { oneOf: [3, 5], shared: true } }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: { use: precision, overrides: [ { match: "stage1.1.*", oneOf: [INT2, INT8] } ] }
`
const gatedList = [
  { path: "choices.format", role: "architecture", options: [8, 16] },
  { path: "stage1.repeats", role: "architecture", options: [1, 2] },
  { path: "stage1.kernel", role: "architecture", options: [3, 5] },
  { path: "choices.precision", role: "format", options: ["INT4", "INT8"] },
  ...["conv1", "conv2"].map((layer) => ({
    path: `stage1.1.${layer}.format`,
    role: "format",
    options: ["INT2", "INT8"],
    activeWhen: [{ path: "stage1.repeats", options: [2] }],
  })),
]

describe("decisions", () => {
  it("are listed by validate and plan with their roles and when they are active", async () => {
    const two = makeFolder({
      "space.yaml": space,
      "gated.yaml": gated,
      "experiment.yaml": experiment
        .replace("space: space.yaml", "space: gated.yaml")
        .replace("target: { times: 1, uniform: INT4 }", "target: 0.00147")
        .replace("matrix: {", "matrix: { space: [gated.yaml, space.yaml],")
        .replace("controls: [uniform]\n", ""),
    })
    const here = { cwd: two.folder }
    const [ofSpace, ofExperiment] = json<any>(
      await fliqs(["validate", "gated.yaml", "experiment.yaml", "--json"], here),
    )
    expect(ofSpace.decisionList).toEqual(gatedList)
    expect(ofExperiment.decisionList).toEqual(gatedList)
    const plan = json<any>(await fliqs(["plan", "experiment.yaml", "--json"], here))
    expect(plan.decisionList).toEqual(gatedList)
    expect(plan.spaces.map(({ name }: any) => name)).toEqual(["gated", "tiny"])
    expect(plan.spaces[1].decisionList.map(({ path }: any) => path)).toEqual([
      "stem.format",
      "body.format",
      "classifier.format",
    ])
    expect(plan.spaces.flatMap(({ trials }: any) => trials)).toEqual(
      plan.trials.map(({ id }: any) => id),
    )
    const text = (await fliqs(["plan", "experiment.yaml", "--decisions"], here)).stdout.toString()
    expect(text).toMatch(/^space gated\ndecision +role +options +active when\n/)
    expect(text).toMatch(/^choices\.format +architecture +8, 16 +always$/m)
    expect(text).toMatch(/^stage1\.1\.conv2\.format +format +INT2, INT8 +stage1\.repeats is 2$/m)
    expect(text).toMatch(/^space tiny$/m)
    two.remove()
  })
})

describe("plan", () => {
  it("answers in JSON of the documented shape", async () => {
    const answer = await fliqs(["plan", "experiment.yaml", "--json"], at)
    expect(answer.code).toBe(0)
    const plan = json<any>(answer)
    expect(plan.trials).toHaveLength(4)
    for (const trial of plan.trials) {
      expect(trial.id).toMatch(/^[0-9a-f]{16}$/)
      expect(trial.state).toBe("planned")
      expect(trial.parameters["train.steps"]).toBe(300)
    }
    expect(plan.space).toMatchObject({ decisions: 3, cardinality: "27" })
    expect(plan.expectedSeconds).toBeNull()
  })

  it("answers in full, also where that is more than a pipe holds", async () => {
    const seeds = Array.from({ length: 60 }, (_, seed) => seed)
    const main = join(import.meta.dirname, "../../src/cli/main.ts")
    const command = `"${process.execPath}" "${main}" plan experiment.yaml --json --set 'matrix={seed: [${seeds.join()}]}' | cat`
    // a pipe of the shell; what Node gives a child to write to holds more
    const answer = execFileSync("sh", ["-c", command], { cwd: folder })
    expect(answer.length).toBeGreaterThan(2 ** 17)
    expect(JSON.parse(answer.toString()).trials).toHaveLength(120)
  })

  it("refuses an unreachable target with both ends of the range", async () => {
    const answer = await fliqs(
      ["plan", "experiment.yaml", "--set", "reward.cost.target.times=9"],
      at,
    )
    expect(answer.code).toBe(2)
    expect(answer.stderr).toContain("out of reach")
    expect(answer.stderr).toContain("from 0.0000924")
  })
})

describe("simulate", () => {
  it("rehearses every trial, draws it, and answers in JSON of the documented shape", async () => {
    const answer = await fliqs(["simulate", "experiment.yaml", "--json", "--out", "a.json"], at)
    expect(answer.code).toBe(0)
    const { trials } = json<any>(answer)
    expect(trials).toHaveLength(4)
    for (const trial of trials) {
      expect(Object.keys(trial.assignment)).toHaveLength(3)
      expect(trial.quality).toBeGreaterThan(0.4)
      expect(trial.uniform.costOverTarget).toBeLessThanOrEqual(Math.max(1, trial.costOverTarget))
    }
    const drawn = JSON.parse(readFileSync(join(folder, "a.json"), "utf8"))
    expect(drawn.data.values).toHaveLength(12)
  })

  it("takes sensitivities, and tells a wrong path at its place", async () => {
    const set = ["--sensitivities", "sensitive.yaml"]
    const answer = await fliqs(["simulate", "experiment.yaml", ...set], at)
    expect(answer.code).toBe(2)
    expect(answer.stderr).toContain("sensitive.yaml:2:1")
    expect(answer.stderr).toContain("did you mean body.format?")
    const given = await fliqs(["simulate", "experiment.yaml", "--sensitivities", "flat.json"], at)
    expect(given.code).toBe(0)
    // without any sensitivity nothing is lost: every network is as good as the best
    expect(given.stdout.toString()).toMatch(/uniform INT4 .* 0\.7561 {2}0\.7561 /)
  })

  it("says where a picture cannot be written", async () => {
    const out = join("nowhere", "a.svg")
    const answer = await fliqs(["simulate", "experiment.yaml", "--out", out], at)
    expect(answer.code).toBe(2)
    expect(answer.stderr).toContain(`--out ${out}: cannot be written`)
  })
})

describe("cost", () => {
  it("of a uniform format is MACs times bits", async () => {
    const answer = await fliqs(["cost", "space.yaml", "--uniform", "INT4", "--json"], at)
    const cost = json<any>(answer)
    expect(cost.layers.map((layer: any) => layer.path)).toEqual(["stem", "body", "classifier"])
    for (const layer of cost.layers) {
      const expected = macs[layer.path as keyof typeof macs]
      expect(layer).toMatchObject({ weightBits: 4, activationBits: 4 })
      expect(layer.gmacs).toBeCloseTo(expected / 1e9, 15)
      expect(layer.gbops).toBeCloseTo((expected * 16) / 1e9, 15)
    }
    const sum = cost.layers.reduce((a: number, layer: any) => a + layer.gbops, 0)
    expect(cost.gbops).toBeCloseTo(sum, 12)
    expect(cost.weightBytes).toBeGreaterThan((8 * 27 + 8 * 72 + 80) / 2)
    // an image of 8x8x3, 8x8x8 before the body, 8 before the classifier, at half a byte
    expect(cost.activationBytes).toBe((192 + 512 + 8) / 2)
    expect(cost.layers[1].activationBytes).toBe(256)
  })

  it("of a published network is its check value, without digits of float arithmetic", async () => {
    const resnet18 = resolve("spaces/resnet18.yaml")
    const cost = json<any>(await fliqs(["cost", resnet18, "--uniform", "E4M3", "--json"], at))
    expect([cost.gbops, cost.gmacs]).toEqual([116.9227776, 1.8269184])
  })

  it("in milliseconds adds up a table that latency measured, and goes on with", async () => {
    const measure = (...words: ReadonlyArray<string>) =>
      fliqs(["latency", "space.yaml", "--out", "times.json", "--json", ...words], at)
    const counts = async (answer: ReturnType<typeof measure>) => {
      const { kept, keys, measured } = json<any>(await answer)
      return { kept, keys, measured }
    }
    // 3 formats of 3 layers
    expect(await counts(measure())).toEqual({ kept: 0, keys: 9, measured: 9 })
    expect(await counts(measure())).toEqual({ kept: 9, keys: 9, measured: 0 })
    // the classifier sees the body's channels
    const wider = ["--set", "network.1.conv.filters=16"]
    expect(await counts(measure(...wider))).toEqual({ kept: 3, keys: 9, measured: 6 })
    expect((await measure("--threads", "2")).stderr).toContain("give --threads 1")

    const words = ["cost", "space.yaml", "--latency", "times.json", "--json", "--uniform"]
    const cost = json<any>(await fliqs([...words, "INT4"], at))
    expect(cost.ms).toBeGreaterThan(0)
    expect(cost.ms).toBeCloseTo(
      cost.layers.reduce((sum: number, layer: any) => sum + layer.ms, 0),
      9,
    )
    const gap = await fliqs([...words, "INT5"], at)
    expect(gap.code).toBe(2)
    expect(gap.stderr).toContain('no time of "conv 8x8x3 to 8, kernel 3x3, stride 1x1, same, INT5"')
    expect(gap.stderr).toContain(
      "fill it by fliqs latency space.yaml --set formats=INT5 --out times.json",
    )
  })

  it("in milliseconds takes the times of exported layers, in a table of their own", async () => {
    const words = ["latency", "space.yaml", "--out", "exported.json", "--json"]
    const measured = json<any>(await fliqs([...words, "--runtime", "onnxruntime"], at))
    expect(measured).toMatchObject({ runtime: "onnxruntime", keys: 9, measured: 9, kept: 0 })
    // What is multiplied in float is told as such.
    expect(measured.arithmetic).toContainEqual({
      kind: "conv",
      formats: "INT2",
      kernels: ["Conv"],
      integers: false,
    })
    const other = await fliqs(words, at)
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringMatching(/measured in onnxruntime [\d.]+; give --runtime onnxruntime/),
    ])
    const cost = ["cost", "space.yaml", "--latency", "exported.json", "--json", "--uniform", "INT4"]
    expect(json<any>(await fliqs(cost, at)).ms).toBeGreaterThan(0)
  })

  it("of an assignment takes each layer's own format", async () => {
    const answer = await fliqs(
      ["cost", "space.yaml", "--assignment", "assignment.json", "--json"],
      at,
    )
    const cost = json<any>(answer)
    expect(cost.layers.map((layer: any) => layer.weightBits)).toEqual([8, 2, 4])
    expect(cost.gbops).toBeCloseTo(
      (macs.stem * 64 + macs.body * 4 + macs.classifier * 16) / 1e9,
      12,
    )
  })

  it("refuses what does not fit the space, all at once", async () => {
    const answer = await fliqs(["cost", "space.yaml", "--assignment", "partial.yaml"], at)
    expect(answer.code).toBe(2)
    expect(answer.stderr).toContain("did you mean body.format?")
    expect(answer.stderr).toContain("INT9 is not offered")
    expect(answer.stderr).toContain("classifier.format: missing")
  })

  it("changes with --set", async () => {
    const set = ["--set", "classes=20", "--uniform", "INT4", "--json"]
    const cost = json<any>(await fliqs(["cost", "space.yaml", ...set], at))
    expect(cost.layers[2].gmacs).toBeCloseTo(160 / 1e9, 15)
  })
})

describe("format", () => {
  const floats = (...values: ReadonlyArray<number>) =>
    new Uint8Array(Float32Array.from(values).buffer)

  it("round rounds to nearest, ties to even, and clips", async () => {
    const answer = await fliqs(["format", "round", "INT4"], {
      stdin: [floats(0.5, 1.5, 2.5, -0.5, 100, -100, 6.49)],
    })
    expect(answer.code).toBe(0)
    const values = new Float32Array(new Uint8Array(answer.stdout).buffer)
    expect([...values]).toEqual([0, 2, 2, 0, 7, -8, 6])
  })

  it("round gives -0 where the encoding has it, and nowhere else", async () => {
    const stdin = [floats(-0, -1e-30, 1e-30, 0, -0.3, 1)]
    const zeros = async (name: string) => {
      const { stdout } = await fliqs(["format", "round", name], { stdin })
      const words = new Uint32Array(new Uint8Array(stdout).buffer)
      return [...words.subarray(0, 4)]
    }
    const [plus, minus] = [0, 0x8000_0000]
    for (const name of ["INT4", "E5M2FNUZ", "MXINT8"])
      expect([name, ...(await zeros(name))]).toEqual([name, plus, plus, plus, plus])
    for (const name of ["E4M3", "FP16", "MXFP4", "NVFP4"])
      expect([name, ...(await zeros(name))]).toEqual([name, minus, minus, plus, plus])
  })

  it("round takes megabytes in pieces that end inside a value", async () => {
    const values = Float32Array.from({ length: 700_001 }, (_, i) => (i - 350_000) / 1000)
    const bytes = new Uint8Array(values.buffer)
    const cuts = [0, 1, 3, 65_537, 1_000_003, 2_500_002, bytes.length]
    const stdin = cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end))
    const answer = await fliqs(["format", "round", "FP32"], { stdin })
    expect(answer.code).toBe(0)
    expect(Buffer.compare(answer.stdout, Buffer.from(bytes))).toBe(0)
  })

  it("round refuses bytes that are no whole values", async () => {
    const answer = await fliqs(["format", "round", "INT4"], { stdin: [new Uint8Array(7)] })
    expect(answer.code).toBe(2)
    expect(answer.stderr).toContain("7 bytes")
  })

  it("round of nothing is nothing", async () => {
    const answer = await fliqs(["format", "round", "E4M3"], { stdin: [] })
    expect(answer).toMatchObject({ code: 0, stderr: "" })
    expect(answer.stdout).toHaveLength(0)
  })

  it("round takes blocks of consecutive values, with a rule for their scales", async () => {
    const stdin = [floats(7, 0.4, 1), floats(0.75, 7)]
    const round = async (...more: ReadonlyArray<string>) => {
      const answer = await fliqs(["format", "round", ...more], { stdin })
      return { ...answer, values: [...new Float32Array(new Uint8Array(answer.stdout).buffer)] }
    }
    const floor = await round("MXFP4", "--block", "2", "--shared-exponent", "floor")
    expect(floor).toMatchObject({ code: 0, stderr: "", values: [6, 0.5, 1, 0.75, 6] })
    const ceil = await round("MXFP4", "--block", "2", "--shared-exponent", "ceil")
    expect(ceil.values).toEqual([8, 0, 1, 0.75, 8])
    const silent = await round("MXFP4")
    expect(silent.values).toEqual([6, 0.5, 1, 1, 6])
    expect(silent.stderr).toContain("by the rule floor (OCP)")
    const wrong = await round("INT4", "--block", "2")
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("has no blocks")])
    const ruled = await round("NVFP4", "--shared-exponent", "ceil")
    expect([ruled.code, ruled.stderr]).toEqual([2, expect.stringContaining("no shared exponent")])
  })

  it("tells what is no format, and what is", async () => {
    const wrong = await fliqs(["format", "show", "INT44"])
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toContain("INT44")
    const finite = await fliqs(["format", "show", "E3M4"])
    expect(finite.stdout.toString()).toMatch(/^reserved +nothing: every code is a finite number$/m)
    const e4m3 = json<any>(await fliqs(["format", "show", "E4M3", "--json"]))
    expect(e4m3.reserved).toEqual(["NaN"])
    expect(e4m3).toMatchObject({ name: "E4M3", bits: 8, max: 448, min: -448, scaled: true })
    expect(e4m3.negativeZero).toBe(true)
    const list = json<any>(await fliqs(["format", "list", "--json"]))
    expect(list.formats.map((format: any) => format.name)).toEqual(
      expect.arrayContaining(["INT2", "INT16", "E2M1", "BF16", "FP16", "FP32"]),
    )
    expect(list.sets["fliqs-s-int"]).toEqual(["INT4", "INT8", "BF16"])
  })
})

describe("words and codes", () => {
  it.each([
    [["vaildate"], "did you mean validate?"],
    [["run", "x.yaml", "--jbos", "2"], "did you mean --jobs?"],
    [["run"], "experiment"],
    [["run", "none.yaml"], "none.yaml:1:1: no such file"],
    [["run", "experiment.yaml", "--jobs", "0"], "at least 1"],
    [["run", "experiment.yaml", "--only", "ffff"], "fliqs plan"],
    [["run", "experiment.yaml", "--set", "train.setps=3"], "did you mean steps?"],
    [["show", "ffff"], "no trial ffff"],
    [["data", "pull", "cifra10"], "did you mean cifar10?"],
    [["trial", "--id", "../../x", "--state", "."], "16 hex digits"],
    [["train", "experiment.yaml"], "it is fliqs run EXPERIMENT here"],
    [["test"], "fliqs show TRIAL prints it"],
    [["run", "experiment.yaml", "--workers", "2"], "it is --jobs here"],
    [["run", "experiment.yaml", "--epochs", "2"], "--set train.steps=N"],
    [["run", "experiment.yaml", "--no-trak"], "did you mean --no-track?"],
    [["run", "experiment.yaml", "-x"], "there is no flag -x; --set, "],
    [["run", "experiment.yaml", "-j0"], "at least 1"],
    [["run", "none.yaml", "-j1"], "none.yaml:1:1: no such file"],
    [["run", "none.yaml", "-j", "1"], "none.yaml:1:1: no such file"],
    [["run", "none.yaml", "--jobs=1"], "none.yaml:1:1: no such file"],
    [["list", "--limit", "-1"], "at least 1"],
    [["format", "show", "UINT32"], "unsigned integers have 2 to 16 bits; the nearest is UINT16"],
    [["format", "round", "fp8_e4m3"], "it is E4M3 here"],
    [["cost", "space.yaml", "--uniform", "float8_e5m2fnuz"], "it is E5M2FNUZ here"],
    [["data", "pull", "cifar100"], "it does not come along"],
    [["run", "experiment.yaml", "--set", "train.steps=abc"], '--set train.steps=abc: got "abc"; '],
    [
      ["plan", "experiment.yaml", "--set", "seed=3"],
      "--set seed=3: changes nothing, because the matrix varies seed",
    ],
    [
      ["plan", "experiment.yaml", "--set", "data=null"],
      "--set data=null: data is required and cannot be unset",
    ],
    [
      ["cost", "space.yaml", "--set", "network=null"],
      "--set network=null: network is required and cannot be unset",
    ],
    [
      ["run", "space.yaml"],
      "this is a space, and fliqs run takes an experiment; name it in an experiment, space: space.yaml",
    ],
    [["plan", "space.yaml"], "this is a space, and fliqs plan takes an experiment"],
    [["simulate", "space.yaml"], "this is a space, and fliqs simulate takes an experiment"],
    [["compare", "space.yaml"], "this is a space, and fliqs compare takes an experiment"],
    [
      ["cost", "experiment.yaml"],
      "this is an experiment, and fliqs cost takes a space; run it by fliqs run experiment.yaml; its space is space.yaml",
    ],
    [
      ["latency", "experiment.yaml", "--out", "x.json"],
      "this is an experiment, and fliqs latency takes a space",
    ],
    [["run", "table.json"], "this is a latency table, and fliqs run takes an experiment"],
    [["run", "result.json"], "this is the result of a trial, and fliqs run takes an experiment"],
    [["run", "results.jsonl"], "these are records, one per line"],
    [
      ["cost", "space.yaml", "--latency", "space.yaml"],
      "this is a space, and --latency takes a latency table",
    ],
    [
      ["cost", "space.yaml", "--assignment", "table.json"],
      "this is a latency table, and --assignment takes an assignment or the result of a trial",
    ],
    [
      ["simulate", "experiment.yaml", "--sensitivities", "space.yaml"],
      "this is a space, and --sensitivities takes a mapping of decision path to a number",
    ],
    [
      ["plan", "experiment.yaml", "--set", "space=experiment.yaml"],
      "--set space=experiment.yaml: this is an experiment, and space takes a space",
    ],
    [
      ["compare", "experiment.yaml", "--json", "--columns", "seed"],
      "--columns has no effect with --json",
    ],
    [
      ["compare", "experiment.yaml", "--json", "--only-changed"],
      "--only-changed has no effect with --json",
    ],
    [["list", "--json", "--columns", "seed"], "--columns has no effect with --json"],
    [["run", "experiment.yaml", "--track"], "--track: the experiment says track: { kind: none }"],
    [["run", "experiment.yaml", "--restart", "--retry-failed"], "leave --retry-failed out"],
    [
      ["cost", "space.yaml", "--set", "classes=20", "--set", "classes=30"],
      "--set classes=20: changes nothing, because --set classes=30 comes after it",
    ],
    [["show", "experiment.yaml"], "experiment.yaml is no id of a trial"],
  ])("%j exits with 2 and says %j on stderr alone", async (words, expected) => {
    const answer = await fliqs(words, at)
    expect(answer.stderr).toContain(expected)
    expect(answer.code).toBe(2)
    expect(answer.stdout.toString()).toBe("")
  })

  it.each([
    [
      ["plan", "experiment.yaml", "--set", "train.steps=300"],
      "--set train.steps=300: changes nothing; without it the plan is the same",
    ],
    [
      ["simulate", "experiment.yaml", "--set", "data.batchSize=8"],
      "--set data.batchSize=8: a rehearsal does not read it",
    ],
    [
      ["cost", "space.yaml", "--set", "classes=10"],
      "--set classes=10: changes nothing; without it the space is the same",
    ],
    [
      ["cost", "space.yaml", "--uniform", "INT4", "--set", "formats.oneOf=[INT8]"],
      "--set formats.oneOf=[INT8]: changes no cost",
    ],
  ])("%j answers, and warns that %j", async (words, expected) => {
    const answer = await fliqs(words, at)
    expect(answer.stderr).toContain(`warning: ${expected}`)
    expect(answer.code).toBe(0)
    expect(answer.stdout.toString()).not.toBe("")
  })

  it("--help and --version are answers", async () => {
    const help = await fliqs(["run", "--help"])
    expect(help.code).toBe(0)
    expect(help.stdout.toString()).toContain("--retry-failed")
    expect(help.stderr).toBe("")
    expect((await fliqs(["--version"])).stdout.toString()).toMatch(/^fliqs \d+\.\d+\.\d+\n$/)
  })

  it("lists nothing in an empty folder, and that is no error", async () => {
    const answer = await fliqs(["list", "--json"], at)
    expect(answer.code).toBe(0)
    expect(json(answer)).toEqual([])
  })
})
