/** An error is told where it was made: at the flag, at the value of the matrix, or in the file. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { parse } from "../../src/declaration/Document.ts"
import { changedSpace } from "../../src/experiment/ChangedSpace.ts"
import { expand } from "../../src/experiment/Plan.ts"

const file = `name: x
space: ../spaces/resnet8.yaml
data: { kind: synthetic }
train: { steps: 200, learningRate: { warmupSteps: 50 }, optimizer: { kind: adam, beta1: 0.8 } }
search: { stopAt: 0.9 }
reward: { cost: { target: { times: 1, uniform: INT4 } } }
`

const messages = (text: string, sets: ReadonlyArray<string> = []) =>
  parse("experiments/x.yaml", text).pipe(
    Effect.flatMap((document) => Effect.flip(expand(document, { sets }))),
    Effect.map(({ errors }) => errors.map((error) => error.text)),
  )

const warmup = (steps: number) =>
  `train.learningRate.warmupSteps: a warm-up of 50 steps leaves none of ${steps}; fewer than ${steps} would be right`

layer(NodeFileSystem.layer)("an error made by --set names the flag", (it) => {
  it.effect.each<readonly [name: string, sets: ReadonlyArray<string>, expected: RegExp | string]>([
    [
      "a wrong value",
      ["train.steps=abc"],
      '--set train.steps=abc: got "abc"; an integer between 1 and 100000000 would be right',
    ],
    [
      "a wrong value deep in a block",
      ["reward={ cost: { target: -1 } }"],
      "--set reward={ cost: { target: -1 } }: reward.cost.target: got -1; a number greater than 0 would be right",
    ],
    [
      "an unknown key",
      ["train.setps=3"],
      '--set train.setps=3: unknown key "setps"; did you mean steps?',
    ],
    [
      "a block that the flag makes, in which a key is missing",
      ["train.initial.skip=[a]"],
      /^--set train\.initial\.skip=\[a\]: train\.initial\.(trial|safetensors): the key /,
    ],
    [
      "a value that another of the file does not go with",
      ["train.steps=40"],
      `--set train.steps=40: ${warmup(40)}`,
    ],
    [
      "a kind that the keys of the file do not go with",
      ["train.optimizer.kind=sgd"],
      "--set train.optimizer.kind=sgd: train.optimizer.beta1: kind sgd has no key beta1; kind: adam has it; --set 'train.optimizer={ kind: sgd }' replaces the whole block",
    ],
    [
      "a kind that is unset",
      ["train.optimizer.kind=null"],
      "--set train.optimizer.kind=null: train.optimizer.beta1: kind sgd has no key beta1; kind: adam has it",
    ],
    [
      "what only the network says",
      ["space.formats=INT8"],
      /^--set space\.formats=INT8: reward\.cost\.target\.uniform: /,
    ],
    [
      "a change of the space that makes another layer wrong",
      ["space.network.1.basic.filters=7", "space.widthRounding=exact", "space.widthMultiplier=0.5"],
      /^--set space\.network\.1\.basic\.filters=7: .*times the width multiplier gives 3\.5 channels/,
    ],
    [
      "the data of another shape",
      ["data.height=16"],
      /^--set data\.height=16: (space\.)?input: images of synthetic/,
    ],
    [
      "a required key that is unset",
      ["data=null"],
      /^--set data=null: data is required and cannot be unset; add data: </,
    ],
    [
      "a required key of a block that is unset",
      ["reward.cost.target=null"],
      /^--set reward\.cost\.target=null: reward\.cost\.target is required and cannot be unset; /,
    ],
    [
      "a block that this search needs",
      ["reward=null"],
      /^--set reward=null: reward is required and cannot be unset; add reward/,
    ],
    [
      "a required key of the space",
      ["space.classes=null"],
      "--set space.classes=null: classes is required and cannot be unset; add classes: <an integer between 2 and 100000>",
    ],
    [
      "a space that is not there",
      ["space=../spaces/resnt8.yaml"],
      "--set space=../spaces/resnt8.yaml: spaces/resnt8.yaml: no such file; did you mean spaces/resnet8.yaml?",
    ],
    [
      "a matrix",
      ["matrix={ train.steps: [100, abc] }"],
      '--set matrix={ train.steps: [100, abc] }: train.steps: got "abc"; an integer between 1 and 100000000 would be right',
    ],
  ])("%s", ([, sets, expected]) =>
    Effect.map(messages(file, sets), (found) => {
      assert.strictEqual(found.length, 1, found.join("\n"))
      if (typeof expected === "string") assert.strictEqual(found[0], expected)
      else assert.match(found[0]!, expected)
    }),
  )

  it.effect("once, also in a part that is of the whole grid", () =>
    Effect.gen(function* () {
      const tracked = `${file}track: { kind: mlflow, experiment: y }\n`
      assert.deepStrictEqual(yield* messages(tracked, ["track.kind=none"]), [
        "--set track.kind=none: track.experiment: kind none has no key experiment; kind: mlflow has it; --set 'track={ kind: none }' replaces the whole block",
      ])
    }),
  )
  it.effect("the one of many without which all is right", () =>
    Effect.gen(function* () {
      const sets = ["seed=3", "train.steps=40", "data.batchSize=64"]
      assert.deepStrictEqual(yield* messages(file, sets), [`--set train.steps=40: ${warmup(40)}`])
    }),
  )
  it.effect("the later of two of which each is enough", () =>
    Effect.gen(function* () {
      const sets = ["train.steps=40", "train.learningRate.warmupSteps=300"]
      const [found] = yield* messages(file, sets)
      assert.match(found!, /^--set train\.learningRate\.warmupSteps=300: a warm-up of 300 steps/)
    }),
  )
  it.effect("none where the file was wrong before", () =>
    Effect.gen(function* () {
      const wrong = file.replace("warmupSteps: 50", "warmupSteps: 500")
      assert.deepStrictEqual(yield* messages(wrong, ["seed=3", "data.batchSize=64"]), [
        "experiments/x.yaml:4:51 train.learningRate.warmupSteps: a warm-up of 500 steps leaves none of 200; fewer than 200 would be right",
      ])
    }),
  )
  it.effect("none of the mistakes in another file that it names", () =>
    Effect.gen(function* () {
      const found = yield* messages(file, ["space=../test/invalid/space-ten-mistakes.yaml"])
      assert.isAtLeast(found.length, 10)
      for (const text of found)
        assert.match(text, /^test\/invalid\/space-ten-mistakes\.yaml:\d+:\d+ /)
    }),
  )
  it.effect("in a command that takes a space", () =>
    Effect.gen(function* () {
      const space = yield* parse(
        "spaces/x.yaml",
        "name: x\ninput: { height: 8, width: 8, channels: 3 }\nclasses: 10\nnetwork:\n  - globalAveragePool: {}\n  - dense: { units: 10 }\n",
      )
      const texts = (...sets: ReadonlyArray<string>) =>
        Effect.map(changedSpace(space, sets), ({ errors }) => errors.map(({ text }) => text))
      assert.deepStrictEqual(yield* texts("input.height=x"), [
        '--set input.height=x: got "x"; an integer between 1 and 4096 or { oneOf } would be right',
      ])
      assert.match(
        (yield* texts("space.classes=12")).join(),
        /^--set space\.classes=12: network\.1: the network ends in/,
      )
      assert.match(
        (yield* texts("input=null")).join(),
        /^--set input=null: input is required and cannot be unset; /,
      )
    }),
  )
})

layer(NodeFileSystem.layer)("an error made by a matrix has the place of its value", (it) => {
  it.effect.each<readonly [name: string, matrix: string, expected: string]>([
    [
      "a wrong value",
      "train.steps: [100, abc]",
      'experiments/x.yaml:7:30 train.steps: got "abc"; an integer between 1 and 100000000 would be right',
    ],
    [
      "a value that another of the file does not go with",
      "train.steps: [100, 40, 30]",
      `experiments/x.yaml:7:30 ${warmup(40)} (where train.steps = 40)\nexperiments/x.yaml:7:34 ${warmup(30)} (where train.steps = 30)`,
    ],
    [
      "a required key that is unset",
      "reward.cost: [null]",
      "experiments/x.yaml:7:25 reward.cost: reward.cost is required and cannot be unset; add cost: <{ kind: gbops, memory, activationMemory or latency, ... }>",
    ],
  ])("%s", ([, matrix, expected]) =>
    Effect.map(messages(`${file}matrix: { ${matrix} }\n`), (found) =>
      assert.strictEqual(found.join("\n"), expected),
    ),
  )
})

layer(NodeFileSystem.layer)("null unsets", (it) => {
  const trials = (text: string, sets: ReadonlyArray<string> = []) =>
    parse("experiments/x.yaml", text).pipe(
      Effect.flatMap((document) => expand(document, { sets })),
      Effect.map((plan) => plan.trials),
    )
  it.effect("an optional key of the file", () =>
    Effect.gen(function* () {
      const tuned = `${file}finish: { fineTune: 10 }\n`
      const [plain] = yield* trials(file)
      const [unset] = yield* trials(tuned, ["finish.fineTune=null"])
      assert.strictEqual(unset!.id, plain!.id)
      assert.notStrictEqual((yield* trials(tuned))[0]!.id, plain!.id)
      assert.strictEqual(
        (yield* trials(`${tuned}controls: [uniform]\n`, ["controls=null"])).length,
        1,
      )
      assert.strictEqual(
        (yield* trials(`${tuned}matrix: { seed: [1, 2] }\n`, ["matrix.seed=null"])).length,
        1,
      )
    }),
  )
  it.effect("in a matrix", () =>
    Effect.gen(function* () {
      const all = yield* trials(
        `${file}finish: { fineTune: 10 }\nmatrix: { finish.fineTune: [null, 20] }\n`,
      )
      assert.deepStrictEqual(
        all.map(({ declaration, name }) => [name, declaration.finish.fineTune]),
        [
          ["fineTune=null", undefined],
          ["fineTune=20", 20],
        ],
      )
    }),
  )
})
