/**
 * A block that says one thing has the documented default for all else, its kind too: in the file, by `--set` and in a matrix
 * alike, for every union there is.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, layer } from "@effect/vitest"
import { Ajv } from "ajv"
import { Effect } from "effect"
import { schemaFiles } from "../../scripts/generate-schemas.ts"
import { valueAt } from "../../src/declaration/Decode.ts"
import { parse } from "../../src/declaration/Document.ts"
import { expand, type Options } from "../../src/experiment/Plan.ts"

const isExperiment = new Ajv({ strict: true }).compile(
  JSON.parse(schemaFiles()["experiment.schema.json"]!),
)

const base = `name: x
space: ../spaces/resnet8.yaml
data: { kind: synthetic }
reward: { cost: { target: { times: 1, uniform: INT4 } } }
`
const plan = (text: string, options?: Options) =>
  Effect.gen(function* () {
    const document = yield* parse("experiments/x.yaml", text)
    assert.isTrue(isExperiment(document.value), text)
    return yield* expand(document, options)
  })

/** Of a search that decides early. */
const restart = { factor: 1, at: "frozen" }

/** A key alone, its value, and the block it comes to. */
const cases: ReadonlyArray<readonly [path: string, value: string | number, block: string, object]> =
  [
    [
      "train.optimizer.momentum",
      0.8,
      "train.optimizer",
      { kind: "sgd", momentum: 0.8, weightDecay: 5e-4 },
    ],
    [
      "train.optimizer.weightDecay",
      0,
      "train.optimizer",
      { kind: "sgd", momentum: 0.9, weightDecay: 0 },
    ],
    [
      "train.learningRate.peak",
      0.2,
      "train.learningRate",
      { kind: "cosine", peak: 0.2, warmupSteps: 0, restart },
    ],
    [
      "train.learningRate.warmupSteps",
      7,
      "train.learningRate",
      { kind: "cosine", peak: 0.1, warmupSteps: 7, restart },
    ],
    ["search.commitment.max", 3, "search.commitment", { schedule: "normalised", max: 3 }],
    ["search.baseline.decay", 0.9, "search.baseline", { kind: "movingAverage", decay: 0.9 }],
    [
      "reward.quality",
      "trainLoss",
      "reward",
      {
        kind: "absolute",
        quality: "trainLoss",
        beta: 1,
        cost: { kind: "gbops", target: { times: 1, uniform: "INT4" } },
      },
    ],
    ["reward.cost.target", 0.1, "reward.cost", { kind: "gbops", target: 0.1 }],
    ["finish.recalibrate", 9, "finish", { recalibrate: 9, evaluate: "test" }],
    [
      "space.formats.scale.granularity.weights",
      "channel",
      "space.formats.scale",
      {
        granularity: { weights: "channel", activations: "tensor" },
        rule: "absmax",
        unsignedAfterRelu: false,
      },
    ],
    [
      "space.formats.scale.rule.percentile",
      99,
      "space.formats.scale",
      {
        granularity: "tensor",
        rule: { percentile: 99 },
        unsignedAfterRelu: false,
      },
    ],
  ]

/** What else a case needs to have an effect. */
const beside: Readonly<Record<string, string>> = {
  "search.baseline.decay": "search: { proposals: 1 }\n",
}

/** `a.b.c` -> `{ a: { b: { c: VALUE } } }` in flow style, laid over what the base says of `reward`. */
const nested = (path: string, value: string | number): string => {
  const [first = "", ...keys] = path.split(".")
  const inner = keys.reduceRight((text, key) => `{ ${key}: ${text} }`, String(value))
  return `${first}: ${inner}\n`
}

layer(NodeFileSystem.layer)("a block with one key", (it) => {
  describe.each(cases)("%s: %s", (path, value, block, expected) => {
    const text = base + (beside[path] ?? "")
    const at = block.split(".")
    it.effect("by --set", () =>
      Effect.gen(function* () {
        const { trials } = yield* plan(text, { sets: [`${path}=${value}`] })
        assert.deepStrictEqual(valueAt(trials[0]!.declaration, at), expected)
      }),
    )
    it.effect("in a matrix", () =>
      Effect.gen(function* () {
        const { trials } = yield* plan(`${text}matrix: { ${path}: [${value}] }\n`)
        assert.deepStrictEqual(valueAt(trials[0]!.declaration, at), expected)
      }),
    )
    if (!path.startsWith("space.") && !path.startsWith("reward.") && beside[path] === undefined)
      it.effect("in the file, where its kind makes no other trial", () =>
        Effect.gen(function* () {
          const [short] = (yield* plan(text + nested(path, value))).trials
          assert.deepStrictEqual(valueAt(short!.declaration, at), expected)
          const kind = "kind" in expected ? [`${block}.kind=${String(expected.kind)}`] : []
          const [whole] = (yield* plan(text + nested(path, value), { sets: kind })).trials
          assert.strictEqual(short!.id, whole!.id)
        }),
      )
  })

  it.effect("track", () =>
    Effect.gen(function* () {
      const expected = { kind: "mlflow", experiment: "y" } as const
      assert.deepStrictEqual((yield* plan(base, { sets: ["track.experiment=y"] })).track, expected)
      assert.deepStrictEqual((yield* plan(`${base}track: { experiment: y }\n`)).track, expected)
    }),
  )
})

describe("a block whose kind was not meant", () => {
  layer(NodeFileSystem.layer)((it) => {
    const messages = (sets: ReadonlyArray<string>) =>
      parse("experiments/x.yaml", base).pipe(
        Effect.flatMap((document) => Effect.flip(expand(document, { sets }))),
        Effect.map(({ errors }) => errors.map(({ path, message }) => `${path}: ${message}`)),
      )
    it.effect.each([
      [
        "train.optimizer.beta1=0.8",
        "train.optimizer.beta1: kind sgd has no key beta1; kind: adam has it",
      ],
      [
        "train.learningRate.factor=0.1",
        "train.learningRate.factor: kind cosine has no key factor; kind: step has it",
      ],
      [
        "search.population=8",
        "search.population: kind reinforce has no key population; kind: evolution has it",
      ],
      [
        "search.freezeAt=0.5",
        "search.freezeAt: kind reinforce has no key freezeAt; kind: random or evolution has it",
      ],
      [
        "reward.cost.table=t.json",
        "reward.cost.table: kind gbops has no key table; kind: latency has it",
      ],
      ["data={ noise: 1 }", "data.kind: the key kind is missing; add kind: synthetic"],
      [
        "data={ path: a, height: 9 }",
        "data.kind: the key kind is missing; add kind: imageFolder, webDataset or parquet",
      ],
      [
        "data={ path: a, heldOutFrom: b }",
        "data.kind: the key kind is missing; add kind: imageFolder",
      ],
    ] as const)("%s", ([set, expected]) =>
      Effect.map(messages([set]), (found) => assert.include(found, expected)),
    )
  })
})
