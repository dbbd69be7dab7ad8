/** What is said where uniform controls stand beside a search of smaller networks: a command that works as it stands. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { parse } from "../../src/declaration/Document.ts"
import { builtOf } from "../../src/experiment/Checks.ts"
import { expand } from "../../src/experiment/Plan.ts"

const file = "experiments/x.yaml"
const base = (space: string, more: string) => `
space: ${space}.yaml
data: { kind: cifar10 }
train: { steps: 100 }
reward: { cost: { target: { times: 1, uniform: INT4 } } }
${more}`

const plan = (text: string, sets: ReadonlyArray<string> = []) =>
  Effect.flatMap(parse(file, text), (document) => expand(document, { sets }))
const warnings = (text: string) =>
  Effect.map(plan(text), (found) => found.warnings.map((warning) => warning.text))

/** The words behind `--set` of a command as a shell reads them. */
const setsOf = (command: string): ReadonlyArray<string> =>
  [...command.matchAll(/--set (?:'([^']*)'|(\S+))/g)].map(([, quoted, plain]) => quoted ?? plain!)

const network = `name: own
input: { height: 32, width: 32, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: { oneOf: [2, 4, 8, 16] }, kernel: 3 }
  - globalAveragePool: {}
  - dense: { units: classes }
`

/** A space of one's own in a folder, and the path to it. */
const makeSpace = (formats: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped({ prefix: "fliqs-smaller-" })
    yield* fs.writeFileString(`${folder}/own.yaml`, network + formats)
    return `${folder}/own`
  })

const joint = Effect.succeed("../spaces/resnet8-joint")

layer(NodeFileSystem.layer)("smaller networks in one format", (it) => {
  const cases: ReadonlyArray<
    readonly [
      string,
      typeof joint | ReturnType<typeof makeSpace>,
      string,
      ReadonlyArray<string>,
      number,
    ]
  > = [
    ["one trial", joint, "controls: [uniform]", [], 1],
    [
      "targets and seeds",
      joint,
      "matrix: { reward.cost.target.times: [0.7, 1], seed: [1, 2] }\ncontrols: [wideThenUniform]",
      [],
      4,
    ],
    ["knobs", joint, "matrix: { search.proposals: [2, 4] }\ncontrols: [uniform, random]", [], 2],
    [
      "other changes of the command",
      joint,
      "",
      ["controls=[uniform]", "train.steps=300", "matrix={ seed: [1, 2] }"],
      2,
    ],
    [
      "operands apart",
      makeSpace(
        "formats: { weights: { oneOf: [INT4, INT8] }, activations: { oneOf: [INT4, INT8] } }",
      ),
      "controls: [uniform]",
      [],
      1,
    ],
    [
      "a shared choice",
      makeSpace("choices: { precision: { oneOf: [INT4, INT6] } }\nformats: { use: precision }"),
      "controls: [uniform]",
      [],
      1,
    ],
  ]
  for (const [what, space, more, sets, trials] of cases)
    it.effect(`are found by the command that is said: ${what}`, () =>
      Effect.gen(function* () {
        const text = base(yield* space, more)
        const {
          trials: [first],
          warnings: told,
        } = yield* plan(text, sets)
        const said = told.find(({ message }) => message.includes("largest network"))!
        assert.match(said.text, /controls\S*: uniform controls train/)
        const again = yield* plan(text, setsOf(said.message))
        assert.strictEqual(again.trials.length, trials)
        assert.deepStrictEqual(again.trials[0]!.declaration.train, first!.declaration.train)
        for (const { control, declaration } of again.trials) {
          assert.isUndefined(control)
          const { decisions } = builtOf(declaration.space).network!.space
          assert.isNotEmpty(decisions)
          for (const { role } of decisions) assert.strictEqual(role, "architecture")
        }
      }),
    )

  describe("nothing is said", () => {
    it.effect("of formats alone, of architecture alone, without uniform controls", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(
          yield* warnings(base("../spaces/resnet8", "controls: [uniform]")),
          [],
        )
        assert.deepStrictEqual(
          yield* warnings(base("../spaces/resnet8-joint", "controls: [random]")),
          [],
        )
        const text = base("../spaces/resnet8-int8", "controls: [uniform]").replace(
          "{ times: 1, uniform: INT4 }",
          "0.1",
        )
        assert.deepStrictEqual(yield* warnings(text), [])
      }),
    )
  })

  it.effect("are to be written by hand where a command would not do", () =>
    Effect.gen(function* () {
      const text = base(
        "../spaces/resnet8-joint",
        "matrix: { space.widthMultiplier: [1, 2] }\ncontrols: [uniform]",
      )
      const [said] = yield* warnings(text)
      assert.include(said!, "an experiment whose space offers one format and the same sizes")
    }),
  )
})
