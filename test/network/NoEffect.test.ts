/** What a space says of formats without effect: told, or refused. */
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { inspect } from "../../src/declaration/Decode.ts"
import { parse } from "../../src/declaration/Document.ts"
import { spaceProblems } from "../../src/experiment/Checks.ts"
import { Space } from "../../src/network/SpaceFile.ts"

const said = (formats: string, activation = "relu"): ReadonlyArray<string> => {
  const document = Effect.runSync(
    parse(
      "x.yaml",
      `name: x
input: { height: 8, width: 8, channels: 3 }
classes: 10
choices: { f: { oneOf: [INT4, INT8] } }
network:
  - conv: { name: stem, filters: 8, kernel: 3, activation: ${activation} }
  - conv: { name: body, filters: 8, kernel: 3, activation: ${activation} }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: ${formats}
`.replace(formats.includes("use: f") ? "" : /choices: .*\n/, ""),
    ),
  )
  const { errors, warnings } = inspect(Space, document, spaceProblems)
  return [...errors, ...warnings].map(({ message, path }) => `${path}: ${message}`)
}

const hidden =
  "has no effect: overrides before it match all its layers, and the first counts; put it before them, or remove it"

describe("formats without effect", () => {
  it.each<readonly [formats: string, expected: ReadonlyArray<string>]>([
    ["INT8", []],
    ["{ oneOf: [INT4, INT8], scope: stage }", []],
    [
      "{ oneOf: [INT8], scope: stage }",
      ["formats.scope: has no effect: no format is searched in it; remove it"],
    ],
    [
      "{ use: f, scope: stage }",
      ["formats.scope: has no effect: no format is searched in it; remove it"],
    ],
    [
      "{ oneOf: [INT8], scope: stage, overrides: [{ match: stem, oneOf: [INT4, INT8] }] }",
      ["formats.scope: has no effect: no format is searched in it; remove it"],
    ],
    [
      "{ oneOf: [BF16, FP16], scale: { rule: mse, granularity: channel } }",
      [
        "formats.scale.rule: has no effect: no format of a layer takes a scale, so there is no rule; remove it",
        "formats.scale.granularity: has no effect: no format of a layer takes a scale, so there is no granularity; remove it",
      ],
    ],
    ["{ oneOf: [BF16, INT8], scale: { rule: mse, granularity: channel } }", []],
    [
      "{ oneOf: [INT4, INT8], scale: { sharedExponent: floor } }",
      ["formats.scale.sharedExponent: has no effect: no MX format is offered; remove it"],
    ],
    [
      "{ oneOf: [E4M3], scale: { unsignedAfterRelu: true } }",
      ["formats.scale.unsignedAfterRelu: has no effect: no integer format is offered; remove it"],
    ],
    ["{ oneOf: [INT4], scale: { unsignedAfterRelu: true } }", []],
    [
      "{ oneOf: [INT4], overrides: [{ match: stem, oneOf: [INT8] }, { match: '*', oneOf: [INT6] }] }",
      [],
    ],
    [
      "{ oneOf: [INT4], overrides: [{ match: '*', oneOf: [INT8] }, { match: stem, oneOf: [INT6] }] }",
      [`formats.overrides.1.match: ${hidden}`],
    ],
    [
      "{ oneOf: [INT4], overrides: [{ match: stem, oneOf: [INT8] }, { match: stem, weights: INT6 }] }",
      [`formats.overrides.1.match: ${hidden}`],
    ],
    [
      "{ oneOf: [INT4], overrides: [{ match: stem, oneOf: [INT8] }, { match: body, oneOf: [INT8] }, { match: '[sb]*', oneOf: [INT6] }, { match: '**', oneOf: [INT6] }] }",
      ["formats.overrides.2.match: matches no layer; layers are stem, body, classifier, ..."],
    ],
  ])("%s", (formats, expected) => {
    expect(said(formats)).toEqual(expected)
  })
  it("of inputs that may all be negative", () => {
    expect(said("{ oneOf: [INT4], scale: { unsignedAfterRelu: true } }", "swish")).toEqual([
      "formats.scale.unsignedAfterRelu: has no effect: every input in an integer format may be negative; remove it",
    ])
  })
})
