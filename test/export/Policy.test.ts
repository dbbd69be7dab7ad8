/** A policy file is the network again: the same logits bit for bit with its weights; what is unknown is refused by name. */
import { Effect, Result } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import { decode, inspect } from "../../src/declaration/Decode.ts"
import { parse } from "../../src/declaration/Document.ts"
import type { FoundModel } from "../../src/export/FoundModel.ts"
import { modelOf, PolicyTarget, policyProblems } from "../../src/export/PolicyTarget.ts"
import { Policy } from "../../src/export/PolicyFile.ts"
import { safetensors } from "../../src/export/SafetensorsTarget.ts"
import { usualOptions } from "../../src/export/Target.ts"
import { load } from "../../src/tensor/Backend.ts"
import { readSafetensors, type Tensors } from "../../src/train/Safetensors.ts"
import { joint } from "../network/fixture.ts"
import { drawImages, findModel, logitsOf } from "./found.ts"
import { spaces } from "./spaces.ts"

beforeAll(() => Effect.runPromise(load({ threads: 1 })))

const textOf = (model: FoundModel): string =>
  new TextDecoder().decode(PolicyTarget.write(model, usualOptions)[0]!.parts[0])
const tensorsOf = (model: FoundModel): Tensors =>
  Result.getOrThrow(readSafetensors(Buffer.concat(safetensors(model))))

/** The policy of a text; fails with every problem. */
const read = (text: string): Policy =>
  Effect.runSync(
    Effect.flatMap(parse("found.json", text), (document) =>
      decode(Policy, document, policyProblems),
    ),
  )

/** What is said of a text that cannot be imported. */
const wordsOf = (text: string): ReadonlyArray<string> =>
  inspect(Policy, Effect.runSync(parse("found.json", text)), policyProblems).errors.map(
    (error) => error.text,
  )

describe("a policy file", () => {
  const { averaged, attended, excited, joined, mobileBlocks, resnetEven, resnetLearned } = spaces
  const tried = { averaged, attended, excited, joined, mobileBlocks, resnetEven, resnetLearned }
  it.each(Object.entries({ ...tried, joint }))("rebuilds the network: %s", (_, yaml) => {
    const model = findModel(yaml!, undefined, 5)
    const policy = read(textOf(model))
    const again = Result.getOrThrow(modelOf(policy, tensorsOf(model)))
    const images = drawImages(model.network, 2, 3)
    expect(logitsOf(again, images)).toEqual(logitsOf(model, images))
    expect(textOf(again)).toBe(textOf(model))
  })

  it("refuses other weights by their digest", () => {
    const model = findModel(spaces["resnetInt"]!, undefined, 5)
    const other = findModel(spaces["resnetInt"]!, undefined, 6)
    const policy = read(textOf(model))
    expect(Result.getOrThrow(Result.flip(modelOf(policy, tensorsOf(other))))).toMatch(
      /^these are other weights \([0-9a-f]{32}\); the policy belongs to [0-9a-f]{32}$/,
    )
    expect(modelOf(policy, new Map())).toEqual(Result.fail("stem.weight [5, 5, 3, 8] is missing"))
  })

  it.each([
    ["version", /"policy": 1/, '"policy": 2', "found.json:2:13 policy: version 2 of policy files"],
    ["key", /"policy": 1/, '"policy": 1, "polcy": 2', "polcy: unknown key"],
    ["format", /"INT8": \{/, '"INT99": {', "formats.INT99: INT99 is no format of this fliqs"],
    ["number of a format", /"hi": 127/, '"hi": 126', "formats.INT8.hi: is 126 in the file"],
    ["format of an operand", /"format": "INT8"/, '"format": "INT99"', "INT99"],
    ["option", /"stem.format": "\w+"/, '"stem.format": "INT2"', "INT2 is not offered"],
    [
      "granularity",
      /127\s+\],\s+"granularity": "channel"/,
      '127 ], "granularity": "block"',
      "this fliqs has",
    ],
    [
      "operand",
      /"stem.activations": (\d)/,
      '"stm.activations": $1',
      "did you mean stem.activations",
    ],
    ["class", /"class 3",/, "", "classes: has 9 entries; 10 would be right"],
  ] as const)("refuses an unknown %s by name and place", (_, from, to, words) => {
    const model = findModel(
      spaces["resnetInt"]!,
      ({ space }) => space.decisions.map(({ options }) => options.indexOf("INT8")),
      5,
    )
    const text = textOf(model)
    expect(wordsOf(text)).toEqual([])
    const changed = text.replace(from, to)
    expect(changed).not.toBe(text)
    const [first, ...others] = wordsOf(changed)
    expect([first, ...others].join("\n")).toContain(words)
    expect(first).toMatch(/^found\.json:\d+:\d+ /)
  })
})
