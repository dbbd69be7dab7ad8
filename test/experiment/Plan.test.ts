import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, FileSystem, Result, Schema } from "effect"
import { parse } from "../../src/declaration/Document.ts"
import { expand, type Options } from "../../src/experiment/Plan.ts"
import { prepare, Trial } from "../../src/train/Trial.ts"
import { differences } from "./differences.ts"

// Named as if it stood in experiments/, so that its paths lead to the shipped spaces.
const file = "experiments/x.yaml"
const base = `
name: x
space: ../spaces/resnet8.yaml
data: { kind: synthetic }
train: { steps: 100 }
reward: { cost: { target: { times: 1, uniform: INT4 } } }
`

const plan = (text: string, options?: Options) =>
  Effect.flatMap(parse(file, text), (document) => expand(document, options))
const ids = (text: string, options?: Options) =>
  Effect.map(plan(text, options), ({ trials }) => trials.map(({ id }) => id))
const id = (text: string, options?: Options) => Effect.map(ids(text, options), (all) => all[0]!)
const messages = (text: string, options?: Options) =>
  Effect.map(Effect.flip(plan(text, options)), ({ errors }) => errors.map((error) => error.text))

const seedMatrix = (seeds: string) => `${base}matrix: { seed: [${seeds}] }\n`
const uniformsAt = (times: string) =>
  Effect.map(
    plan(`${base.replace("times: 1,", `times: ${times},`)}controls: [uniform]\n`),
    ({ trials }) => trials.slice(1).map(({ name }) => name),
  )

layer(NodeFileSystem.layer)("expand", (it) => {
  describe("ids", () => {
    it.effect("are sixteen hex digits, and the trial is called as its experiment when alone", () =>
      Effect.gen(function* () {
        const { trials } = yield* plan(base)
        assert.strictEqual(trials.length, 1)
        assert.match(trials[0]!.id, /^[0-9a-f]{16}$/)
        assert.strictEqual(trials[0]!.name, "x")
      }),
    )
    it.effect(
      "do not depend on names, tracking, threads, checkpoints, order or written-out defaults",
      () =>
        Effect.gen(function* () {
          const expected = yield* id(base)
          const same = [
            base.replace("name: x", "name: y\ndescription: other\n$schema: z"),
            base.replace("name: x", "threads: 3\ntrack: { kind: none }"),
            base.replace("steps: 100", "checkpointEvery: 7, steps: 100"),
            base.replace(
              "steps: 100",
              "steps: 100, learningRate: { restart: { factor: 1, at: frozen } }",
            ),
            base.replace(
              "steps: 100",
              "steps: 1.0e2, optimizer: { weightDecay: 0.0005, kind: sgd }",
            ),
            `seed: 1\nsearch: { kind: reinforce, proposals: 4, delay: 0.15, decideBy: 0.4 }\n${base.trimStart()}`,
            base.replace(
              "cost: {",
              "kind: absolute, quality: heldOutAccuracy, cost: { kind: gbops,",
            ),
            `${base}controls: [uniform]\n`,
          ]
          for (const text of same) assert.strictEqual(yield* id(text), expected, text)
        }),
    )
    it.effect("change with everything else, the space included", () =>
      Effect.gen(function* () {
        const variants = [
          base,
          base.replace("steps: 100", "steps: 101"),
          `${base}seed: 2\n`,
          `${base}search: { delay: 0.1 }\n`,
          `${base}finish: { evaluate: heldOut }\n`,
          base.replace("synthetic", "synthetic, batchSize: 64"),
          base.replace("times: 1,", "times: 1.5,"),
          base.replace("resnet8", "resnet20"),
        ]
        const all = yield* Effect.forEach(variants, (text) => id(text))
        all.push(yield* id(base, { sets: ["space.network.0.conv.filters=16"] }))
        assert.strictEqual(new Set(all).size, all.length)
      }),
    )
    it.effect("of a renamed space are the same, and its declaration decodes again to itself", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* id(base, { sets: ["space.name=other"] }), yield* id(base))
        const [trial] = (yield* plan(base)).trials
        const again = Schema.decodeUnknownSync(Trial, { onExcessProperty: "error" })(
          JSON.parse(JSON.stringify(trial!.declaration)),
        )
        assert.deepStrictEqual(again, trial!.declaration)
      }),
    )
    it.effect("that are not the expected ones are explained by the keys that differ", () =>
      Effect.gen(function* () {
        const [a] = (yield* plan(base)).trials
        const [b] = (yield* plan(base, { sets: ["seed=2", "space.network.0.conv.kernel=5"] }))
          .trials
        assert.deepStrictEqual(differences(a!.declaration, b!.declaration), [
          { path: "seed", a: 1, b: 2 },
          { path: "space.network.0.conv.kernel", a: 3, b: 5 },
        ])
      }),
    )
    it.effect("are of what a formats block means, not of how it is spelt", () =>
      Effect.gen(function* () {
        const of = (formats: string) => id(base, { sets: [`space.formats=${formats}`] })
        const same = [
          ["{ oneOf: [INT4, INT8] }", "{ oneOf: [INT4, INT8], scope: layer, overrides: [] }"],
          ["{ oneOf: [INT4] }", "INT4"],
          [
            "{ scope: block, weights: { oneOf: [INT4, INT8] }, activations: { oneOf: [INT4] } }",
            "{ scope: block, weights: { oneOf: [INT4, INT8], scope: block }, activations: INT4 }",
          ],
        ] as const
        for (const [one, other] of same) assert.strictEqual(yield* of(one), yield* of(other))
        const different = [
          "{ oneOf: [INT4, INT8] }",
          "{ oneOf: [INT8, INT4] }",
          "{ oneOf: [INT4, INT8], scope: block }",
          "{ weights: { oneOf: [INT4, INT8] }, activations: { oneOf: [INT4, INT8] } }",
          "{ scope: block, weights: { oneOf: [INT4, INT8], scope: layer }, activations: INT4 }",
          "{ scope: block, weights: { oneOf: [INT4, INT8] }, activations: INT4 }",
          "{ oneOf: [INT4, INT8], overrides: [{ match: stem, oneOf: [INT8] }] }",
        ]
        const told = yield* Effect.forEach(different, of)
        assert.strictEqual(new Set(told).size, different.length)
      }),
    )
    it.effect("of grids are those of their trials", () =>
      Effect.gen(function* () {
        const one = yield* plan(seedMatrix("1, 2"))
        const other = yield* plan(seedMatrix("2, 1").replace("name: x", "name: y"))
        assert.strictEqual(one.gridId, other.gridId)
        assert.notStrictEqual(one.gridId, (yield* plan(seedMatrix("1, 3"))).gridId)
      }),
    )
  })

  describe("matrix", () => {
    it.effect("leads into the experiment and the space, the space itself first", () =>
      Effect.gen(function* () {
        const { trials } = yield* plan(`${base}matrix:
  space.formats.oneOf: [[INT4, INT8], [INT4, BF16]]
  space: [../spaces/resnet8.yaml, ../spaces/resnet20.yaml]
  reward.cost.target.times: [1, 1.25]
`)
        assert.strictEqual(trials.length, 8)
        assert.deepStrictEqual(
          trials.map(({ declaration }) => declaration.space.name),
          [
            "resnet8",
            "resnet8",
            "resnet20",
            "resnet20",
            "resnet8",
            "resnet8",
            "resnet20",
            "resnet20",
          ],
        )
        assert.strictEqual(
          trials[1]!.name,
          'oneOf=["INT4","INT8"] space=../spaces/resnet8.yaml times=1.25',
        )
        assert.deepStrictEqual(trials[1]!.cell, {
          "space.formats.oneOf": "INT4,INT8",
          space: "../spaces/resnet8.yaml",
          "reward.cost.target.times": "1.25",
          "search.kind": "reinforce",
        })
        assert.strictEqual(trials[1]!.parameters["space.formats.oneOf"], "INT4,INT8")
        assert.strictEqual(trials[1]!.parameters["reward.cost.target.times"], "1.25")
      }),
    )
    it.effect("points at the key or the value that is wrong, once for all cells", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(
          yield* messages(`${base}matrix:
  seed: [1, 2, 3]
  train.stpes: [1, 2]
  search.delay: [0.1, 2]
`),
          [
            `${file}:9:3 train.stpes: unknown key "stpes"; did you mean steps?`,
            `${file}:10:23 search.delay: got 2; a number between 0 and 0.95 would be right`,
          ],
        )
      }),
    )
    it.effect("of a billion cells is refused as one of a thousand is not", () =>
      Effect.gen(function* () {
        const list = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
        const keys = ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
        const huge = `${base}matrix: { ${keys.map((key) => `${key}: ${list}`).join(", ")} }\n`
        assert.deepStrictEqual(yield* messages(huge, { yes: true }), [
          `${file}:7:1 matrix: the matrix has 1000000000 cells; 10000 is the most, shorten its lists`,
        ])
        const seeds = Array.from({ length: 1001 }, (_, i) => i).join(", ")
        assert.match(
          (yield* messages(`${base}matrix: { seed: [${seeds}] }\n`)).join(),
          /the matrix has 1001 cells; shorten its lists, or give --yes/,
        )
        assert.strictEqual(
          (yield* ids(`${base}matrix: { seed: [${seeds}] }\n`, { yes: true })).length,
          1001,
        )
      }),
    )
    it.effect("may bring keys that the file needs and does not have", () =>
      Effect.gen(function* () {
        const bare = base.replace("times: 1, ", "").replace("data: { kind: synthetic }\n", "")
        const lists =
          "matrix: { data: [{ kind: synthetic }], reward.cost.target.times: [1, 1.5] }\n"
        const { trials } = yield* plan(bare + lists)
        assert.strictEqual(trials.length, 2)
        assert.strictEqual(trials[0]!.id, yield* id(base))
        assert.deepStrictEqual(yield* messages(bare + lists.replace("times: [1", "times: [-1")), [
          `${file}:6:67 reward.cost.target.times: got -1; a number greater than 0 would be right`,
        ])
      }),
    )
    it.effect("that excludes everything is refused", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(
          yield* messages(`${base}matrix: { seed: [1] }\nexclude: [{ seed: 1 }]\n`),
          [`${file}:8:1 exclude: every cell of the matrix is excluded; leave at least one`],
        )
      }),
    )
  })

  describe("--set", () => {
    it.effect("changes the experiment and the space", () =>
      Effect.gen(function* () {
        const [trial] = (yield* plan(base, {
          sets: ["train.steps=7", "space.formats.oneOf=[INT4, INT6]", "search.stopAt=off"],
        })).trials
        assert.strictEqual(trial!.declaration.train.steps, 7)
        assert.deepStrictEqual(trial!.declaration.space.formats, { oneOf: ["INT4", "INT6"] })
        assert.strictEqual(trial!.parameters["search.stopAt"], "off")
      }),
    )
    it.effect("is told as what is wrong when it is", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(
          yield* messages(base, {
            sets: ["trian.steps=7", "seed=x", "oops", "space.network.99.conv=1"],
          }),
          [
            '--set trian.steps=7: trian: unknown key "trian"; did you mean train?',
            '--set seed=x: got "x"; an integer between 0 and 4294967295 would be right',
            "--set oops: there is no path=value here; write for example train.steps=100",
            "--set space.network.99.conv=1: the path leads nowhere; list items count from 0 and cannot be added",
          ],
        )
      }),
    )
  })

  it.effect("names a trial by the kind of a block and what else it says", () =>
    Effect.gen(function* () {
      const { trials } = yield* plan(
        `${base}matrix: { search: [{ kind: reinforce, commitment: { schedule: linear } }, { population: 16, kind: evolution, mutations: 2, tournament: 4 }, { kind: reinforce, commitment: { schedule: normalised, max: 5 }, baseline: { kind: movingAverage, decay: 0.9 }, proposals: 2 }], seed: [1] }\n`,
      )
      assert.deepStrictEqual(
        trials.map(({ name }) => name),
        [
          "search=reinforce,commitment.schedule=linear seed=1",
          "search=evolution,population=16,mutations=2,tournament=4 seed=1",
          "search=reinforce,commitment.schedule=normalised,commitment.max=5,baseline.kind=movin... seed=1",
        ],
      )
    }),
  )

  describe("controls", () => {
    it.effect("stand beside each trial, one for those that differ in the search alone", () =>
      Effect.gen(function* () {
        const { trials } = yield* plan(
          `${base}matrix: { seed: [1, 2], search.proposals: [1, 4] }\ncontrols: [uniform]\n`,
        )
        assert.deepStrictEqual(
          trials.map(({ name }) => name),
          [
            "seed=1 proposals=1",
            "uniform INT4 seed=1",
            "seed=1 proposals=4",
            "seed=2 proposals=1",
            "uniform INT4 seed=2",
            "seed=2 proposals=4",
          ],
        )
        const control = trials[1]!
        assert.strictEqual(control.control, "uniform")
        assert.deepStrictEqual(control.declaration.search, { kind: "fixed", uniform: "INT4" })
        assert.deepStrictEqual(
          differences(trials[0]!.declaration, control.declaration).filter(
            ({ path }) => !path.startsWith("search."),
          ),
          // of the search it follows: the control has nothing to wait for
          [{ path: "train.learningRate.restart", a: { factor: 1, at: "frozen" }, b: undefined }],
        )
      }),
    )
    it.effect("of a random assignment cost the same, train as long and measure nothing", () =>
      Effect.gen(function* () {
        const { trials } = yield* plan(
          `${base}matrix: { seed: [1, 2], search.proposals: [1, 4] }\ncontrols: [random, uniform]\n`,
        )
        assert.deepStrictEqual(
          trials.flatMap(({ name, control }) => (control === "random" ? [name] : [])),
          ["random control seed=1", "random control seed=2"],
        )
        const control = trials.find((trial) => trial.control === "random")!
        assert.deepStrictEqual(control.declaration.search, {
          kind: "random",
          candidates: 1,
          tolerance: 0.02,
        })
        assert.strictEqual(control.cell["search.kind"], "random")
        assert.deepStrictEqual(control.declaration.reward, trials[0]!.declaration.reward)
      }),
    )
    it.effect("train wide before the uniform format where that is asked for", () =>
      Effect.gen(function* () {
        const { trials } = yield* plan(
          `${base}matrix: { seed: [1, 2] }\nfinish: { retrain: true }\ncontrols: [wideThenUniform, uniform]\n`,
        )
        assert.deepStrictEqual(
          trials.map(({ name }) => name),
          [
            "seed=1",
            "uniform INT4 seed=1",
            "wide then uniform INT4 seed=1",
            "seed=2",
            "uniform INT4 seed=2",
            "wide then uniform INT4 seed=2",
          ],
        )
        const { declaration, parameters } = trials[2]!
        assert.deepStrictEqual(declaration.search, { kind: "fixed", uniform: "INT4", widest: 0.6 })
        assert.notProperty(declaration.finish, "retrain")
        assert.strictEqual(parameters["control"], "wideThenUniform")
        const search = "search: { kind: fixed, uniform: INT4, widest: 0.6 }\n"
        const sets = ["train.learningRate.restart={ factor: 1 }"]
        assert.strictEqual(yield* id(`${base}${search}`, { sets }), trials[2]!.id)
        assert.notProperty(trials[1]!.declaration.train.learningRate, "restart")
      }),
    )
    it.effect("take the format within 2 % of the target, else the nearest below and above", () =>
      Effect.gen(function* () {
        // INTb costs b^2 / 16 of INT4
        assert.deepStrictEqual(yield* uniformsAt("1.6"), ["uniform INT5", "uniform INT6"])
        assert.deepStrictEqual(yield* uniformsAt("0.99"), ["uniform INT4"])
        assert.deepStrictEqual(yield* uniformsAt("0.97"), ["uniform INT3", "uniform INT4"])
        assert.deepStrictEqual(yield* uniformsAt("1.55"), ["uniform INT5"])
        assert.deepStrictEqual(yield* uniformsAt("4"), ["uniform INT8"])
      }),
    )
  })

  describe("a target out of reach", () => {
    it.effect("is answered by ends that can be asked for", () =>
      Effect.gen(function* () {
        const ofTarget = (target: string) => base.replace(/target: \{[^}]*\}/, `target: ${target}`)
        const [refused] = yield* messages(ofTarget("1000"))
        const [, low, high] = /from ([\d.]+) GBOPs to ([\d.]+) GBOPs/.exec(refused!)!
        for (const end of [low!, high!])
          assert.strictEqual((yield* plan(ofTarget(end))).trials.length, 1)
      }),
    )
    it.effect("is refused with both ends of what is in reach", () =>
      Effect.gen(function* () {
        for (const times of ["0.1", "10"])
          assert.match(
            (yield* messages(base.replace("times: 1,", `times: ${times},`))).join("\n"),
            /^experiments\/x\.yaml:6:27 reward\.cost\.target: a target of .* is out of reach; this space costs from [\d.]+ GBOPs to [\d.]+ GBOPs$/,
          )
      }),
    )
  })

  describe("a latency table", () => {
    const tiny = `name: tiny
input: { height: 8, width: 8, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: 8, kernel: 3 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [INT4, INT8] }
`
    const stem = { kind: "conv", height: 8, width: 8, channels: 3, outputs: 8 }
    const window = { kernel: [3, 3], stride: [1, 1], padding: "same" }
    const dense = { kind: "dense", tokens: 1, channels: 8, outputs: 10 }
    const head = { machine: "a device", date: "2026-01-31", threads: 1 }
    const layers = [
      { ...stem, ...window, ms: { INT4: 1, INT8: 2 } },
      { ...dense, ms: { INT4: 0.1, INT8: 0.2 } },
    ]
    const files = Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${folder}/tiny.yaml`, tiny)
      const table = (name: string, value: object) =>
        fs.writeFileString(`${folder}/${name}`, JSON.stringify(value, undefined, 2))
      yield* table("times.json", { ...head, layers })
      const text = `space: ${folder}/tiny.yaml
data: { kind: synthetic, height: 8, width: 8 }
train: { steps: 100 }
reward: { cost: { kind: latency, table: ${folder}/times.json, target: { times: 1.5, uniform: INT4 } } }
controls: [uniform]
`
      return { folder, table, text }
    })

    it.effect("is part of the trial by what the network can ask of it, not by its place", () =>
      Effect.gen(function* () {
        const { folder, table, text } = yield* files
        const [trial, control] = (yield* plan(text)).trials
        assert.strictEqual(control!.name, "uniform INT4")
        assert.match(trial!.parameters["reward.cost.table"]!, /^[0-9a-f]{16}$/)
        assert.strictEqual(
          Object.keys(trial!.parameters).filter((key) => key.startsWith("reward.cost.table"))
            .length,
          1,
        )
        const again = Schema.decodeUnknownSync(Trial)(
          JSON.parse(JSON.stringify(trial!.declaration)),
        )
        const prepared = Result.getOrThrow(prepare(again))
        assert.strictEqual(prepared.cost.model.unit, "ms")
        assert.closeTo(prepared.target, 1.5 * 1.1, 1e-12)

        const moved = text.replace("times.json", "moved.json")
        const other = { kind: "dense", tokens: 1, channels: 9, outputs: 9, ms: { INT4: 7 } }
        yield* table("moved.json", { ...head, layers: [other, ...[...layers].reverse()] })
        assert.strictEqual(yield* id(moved), trial!.id)
        yield* table("moved.json", {
          ...head,
          layers: [{ ...layers[0]!, ms: { INT4: 1, INT8: 3 } }, layers[1]!],
        })
        assert.notStrictEqual(yield* id(moved), trial!.id)
        assert.ok(!JSON.stringify(trial!.declaration).includes(folder))
      }),
    )
    it.effect("with a gap is told with the key and the command that fills it", () =>
      Effect.gen(function* () {
        const { folder, table, text } = yield* files
        const at = "--set space.network.0.conv.filters=16: reward.cost.table:"
        assert.deepStrictEqual(
          yield* messages(text, { sets: ["space.network.0.conv.filters=16"] }),
          [
            `${at} has no time of "conv 8x8x3 to 16, kernel 3x3, stride 1x1, same, INT4" and 3 more; fill it by fliqs latency ${folder}/tiny.yaml --set network.0.conv.filters=16 --out ${folder}/times.json`,
          ],
        )
        yield* table("times.json", {
          ...head,
          layers: [layers[0], { ...dense, ms: { INT4: 1, INT88: 1 } }],
        })
        assert.match(
          (yield* messages(text)).join(),
          /times\.json:33:9 layers\.1\.ms\.INT88: INT88 is no format; /,
        )
        yield* table("times.json", { ...head, layers: [{ ...dense, ms: { INT4: 0 }, tokns: 1 }] })
        assert.match((yield* messages(text)).join("\n"), /tokns.*did you mean tokens\?/)
        assert.deepStrictEqual(yield* messages(text.replace("times.json", "none.json")), [
          `${folder}/none.json:1:1: no such file; give the path of a YAML file`,
          `${file}:4:41 reward.cost.table: the table cannot be read; measure one by fliqs latency ${folder}/tiny.yaml --out FILE`,
        ])
      }),
    )
  })

  describe("an assignment in a file", () => {
    it.effect("becomes part of the trial, and its mistakes are told at their places in it", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped()
        const [searched] = (yield* plan(base)).trials
        const paths = [
          "stem",
          "stage1.0.conv1",
          "stage1.0.conv2",
          "stage2.0.conv1",
          "stage2.0.conv2",
          "stage2.0.projection",
          "stage3.0.conv1",
          "stage3.0.conv2",
          "stage3.0.projection",
          "classifier",
        ]
        const assignment = Object.fromEntries(paths.map((path) => [`${path}.format`, "INT4"]))
        const write = (value: object) =>
          fs.writeFileString(`${folder}/found.json`, JSON.stringify(value, undefined, 2))
        const text = base.replace(
          "train:",
          `search: { kind: fixed, assignment: ${folder}/found.json }\ntrain:`,
        )
        yield* write(assignment)
        const [fixed] = (yield* plan(text)).trials
        assert.deepStrictEqual(fixed!.declaration.search, { kind: "fixed", assignment })
        assert.notStrictEqual(fixed!.id, searched!.id)
        yield* write({ ...assignment, "stem.format": "INT2", "stem.fromat": 3 })
        assert.deepStrictEqual(yield* messages(text), [
          `${folder}/found.json:2:18 "stem.format": INT2 is not offered; it offers INT3, INT4, INT5, INT6, INT7, INT8`,
          `${folder}/found.json:12:18 "stem.fromat": the space has no such decision; did you mean stem.format?`,
        ])
        yield* fs.remove(`${folder}/found.json`)
        assert.match((yield* messages(text)).join(), /no such file/)
      }),
    )
  })
})
