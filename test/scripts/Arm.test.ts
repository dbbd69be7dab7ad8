/** The arm of a line follows from its parameters: of made ones, of planned trials, and of every line that is kept. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Schema } from "effect"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { read } from "../../src/declaration/Document.ts"
import { expand } from "../../src/experiment/Plan.ts"
import { armOf } from "../../scripts/study/Arm.ts"
import { StudyLine } from "../../scripts/study/Study.ts"
import { planOf } from "../report/planned.ts"

describe("the arm of a trial", () => {
  it.each<[string, ReadonlyArray<string>]>([
    ["", ["reinforce resnet8"]],
    ["search: { trainFormats: settled, proposals: 4, delay: 0.15 }\n", ["reinforce resnet8"]],
    ["search: { trainFormats: drawn }\n", ["reinforce resnet8 trainFormats=drawn"]],
    // what follows from a knob is not named
    ["search: { proposals: 1 }\n", ["reinforce resnet8 proposals=1"]],
    ["search: { delay: 0.5 }\n", ["reinforce resnet8 delay=0.5"]],
    [
      "search: { commitment: { schedule: none, max: 0 }, stopAt: off }\n",
      ["reinforce resnet8 schedule=none stopAt=off"],
    ],
    [
      "search: { baseline: { kind: movingAverage, decay: 0.9 } }\n",
      ["reinforce resnet8 baseline.kind=movingAverage decay=0.9"],
    ],
    ["search: { preset: fliqs, delay: 0.1 }\n", ["reinforce resnet8 preset=fliqs delay=0.1"]],
    ["search: { kind: random }\n", ["random resnet8"]],
    ["search: { kind: random, candidates: 1 }\n", ["random resnet8 candidates=1"]],
    [
      "search: { kind: evolution, trainFormats: drawn }\n",
      ["evolution resnet8 trainFormats=drawn"],
    ],
    ["search: { kind: fixed, uniform: INT6 }\n", ["fixed INT6 resnet8"]],
    ["search: { kind: fixed, uniform: INT6, widest: 0.3 }\n", ["fixed INT6 resnet8 widest=0.3"]],
    [
      "matrix: { space.formats: [{ oneOf: [INT8, { weights: INT4, activations: INT8 }] }], reward.cost.target: [0.12], search: [{ kind: fixed, uniform: { weights: INT4, activations: INT8 } }] }\n",
      ["fixed INT4/INT8 resnet8"],
    ],
    [
      "matrix: { seed: [1, 2] }\ncontrols: [uniform, wideThenUniform, random]\n",
      [1, 2].flatMap(() => [
        "reinforce resnet8",
        "uniform INT4 resnet8",
        "wide then uniform INT4 resnet8",
        "random control resnet8",
      ]),
    ],
    [
      "matrix: { reward.quality: [heldOutLoss], reward.beta: [2], reward.cost.kind: [memory] }\ncontrols: [uniform]\n",
      ["reinforce resnet8 quality=heldOutLoss beta=2 cost.kind=memory", "uniform INT4 resnet8"],
    ],
    [
      "matrix: { reward.kind: [softExponential], search.kind: [reinforce, evolution] }\n",
      ["reinforce resnet8 reward.kind=softExponential", "evolution resnet8"],
    ],
    ["matrix: { seed: [7], finish.retrain: [true] }\n", ["reinforce resnet8"]],
  ])("of %j is %j", async (more, expected) => {
    const { trials } = await planOf(more)
    expect(trials.map(({ parameters }) => armOf(parameters))).toEqual(expected)
  })

  it("changes with the parameters that are kept, not with a default of another day", () => {
    const [line] = linesOf("d-low")
    const { parameters } = line!
    expect(armOf(parameters)).toContain("trainFormats=drawn")
    expect(armOf({ ...parameters, "search.trainFormats": "settled" })).toBe(
      "reinforce resnet8-joint delay=0.25 decideBy=1 widest=0",
    )
    expect(armOf({ ...parameters, "search.commitment.max": "7" })).toBe(
      "reinforce resnet8-joint delay=0.25 decideBy=1 trainFormats=drawn max=7",
    )
    expect(armOf({ ...parameters, "search.decideBy": "0.5" })).toBe(
      "reinforce resnet8-joint learningRate=0.03872983346207417 delay=0.25 trainFormats=drawn",
    )
  })
})

const linesOf = (name: string): ReadonlyArray<StudyLine> =>
  readFileSync(`docs/results/${name}.jsonl`, "utf8")
    .split("\n")
    .flatMap((text) => (text === "" ? [] : [Schema.decodeUnknownSync(StudyLine)(JSON.parse(text))]))

const fileOf = (name: string): string => {
  const own = `experiments/study/${name}.yaml`
  return existsSync(own) ? own : `experiments/${name}.yaml`
}

describe("the lines that are kept", () => {
  const names = readdirSync("docs/results").flatMap((file) =>
    file.endsWith(".jsonl") ? [file.replace(/\.jsonl$/, "")] : [],
  )

  it("are there", () => expect(names).toContain("d-low"))

  it.each(names)("of %s say which arm they are, and are trials of its plan", async (name) => {
    const { trials } = await Effect.runPromise(
      read(fileOf(name)).pipe(
        Effect.flatMap((document) => expand(document)),
        Effect.provide(NodeFileSystem.layer),
      ),
    )
    const planned = new Map(trials.map(({ id, parameters }) => [id, parameters]))
    for (const { arm, id, parameters, seed } of linesOf(name)) {
      expect([id, arm]).toEqual([id, armOf(parameters)])
      expect(parameters).toEqual(planned.get(id))
      expect(String(seed)).toBe(parameters["seed"])
    }
  })
})
