import { Result } from "effect"
import { describe, expect, it } from "vitest"
import { cardinality, log10 } from "../../src/space/Cardinality.ts"
import { activity, fromAssignment, toAssignment, widest } from "../../src/space/DecisionSpace.ts"
import type { Decision, DecisionSpace, Gate } from "../../src/space/Decision.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { countByEnumeration, randomSpace } from "./randomSpaces.ts"

const decision = (
  path: string,
  count: number,
  active: "always" | ReadonlyArray<Gate> = "always",
): Decision => {
  const options = Array.from({ length: count }, (_, i) => i + 1)
  return { path, tag: path, role: "architecture", options, sizes: options, active }
}

/** The joint space of the space-language document: 28 decisions. */
const mobilenetJoint = (): DecisionSpace => {
  const depth = 2
  const from = (repeat: number): "always" | ReadonlyArray<Gate> =>
    repeat === 0
      ? "always"
      : [{ decision: depth, choices: [0, 1, 2].filter((choice) => choice + 1 > repeat) }]
  const repeats = [0, 1, 2].flatMap((repeat) => [
    decision(`stage2.${repeat}.kernel`, 3, from(repeat)),
    decision(`stage2.${repeat}.expansion`, 2, from(repeat)),
    decision(`stage2.${repeat}.expand.format`, 5, from(repeat)),
    decision(`stage2.${repeat}.depthwise.format`, 5, from(repeat)),
    decision(`stage2.${repeat}.project.format`, 2, from(repeat)),
  ])
  const formats = Array.from({ length: 9 }, (_, i) => decision(`f${i}`, 5))
  const head = ["choices.width", "stage2.filters", "stage2.repeats"].map((p) => decision(p, 3))
  return { decisions: [...head, decision("stage3.kernel", 2), ...repeats, ...formats] }
}

describe("cardinality", () => {
  it("counts the documented joint space", () => {
    const space = mobilenetJoint()
    expect(space.decisions.length).toBe(28)
    expect(cardinality(space)).toBe(952_393_359_375_000n)
    expect(log10(cardinality(space))).toBeCloseTo(14.978816, 6)
  })

  it("equals the count by enumeration on random spaces with shared gates", () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = randomStream(seed, "spaces")
      const space = randomSpace(random, random.integer(4), 1 + random.integer(4))
      expect(Number(cardinality(space))).toBe(countByEnumeration(space))
    }
  })

  it("equals it where gates stand inside of others", () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = randomStream(seed, "nested")
      const space = randomSpace(random, 1 + random.integer(4), 1 + random.integer(3), true)
      expect(Number(cardinality(space))).toBe(countByEnumeration(space))
    }
  })

  it("is exact far beyond doubles", () => {
    const space = { decisions: Array.from({ length: 60 }, (_, i) => decision(`d${i}`, 7)) }
    expect(cardinality(space)).toBe(7n ** 60n)
    expect(log10(7n ** 60n)).toBeCloseTo(60 * Math.log10(7), 10)
  })

  it("answers for many gates and many conditions that each span several", () => {
    const gates = Array.from({ length: 60 }, (_, i) => decision(`g${i}`, 4))
    const spanning = Array.from({ length: 58 }, (_, i) =>
      decision(
        `d${i}`,
        5,
        [0, 1, 2].map((j) => ({ decision: i + j, choices: [3] })),
      ),
    )
    expect(cardinality({ decisions: [...gates, ...spanning] })).toBeGreaterThan(4n ** 60n)
  })
})

describe("activity", () => {
  it("opens a decision when any of its gates is open", () => {
    const space: DecisionSpace = {
      decisions: [
        decision("a", 3),
        decision("b", 2),
        decision("c", 2, [
          { decision: 0, choices: [2] },
          { decision: 1, choices: [1] },
        ]),
      ],
    }
    const open = (a: number, b: number) => activity(space, [a, b, 0])[2]
    expect([open(0, 0), open(2, 0), open(0, 1), open(2, 1)]).toEqual([0, 1, 1, 1])
  })
})

describe("assignments", () => {
  const space: DecisionSpace = {
    decisions: [
      decision("stage1.repeats", 2),
      { ...decision("stage1.0.conv1.format", 2), options: ["INT4", "INT8"], sizes: [4, 8] },
      decision("stage1.1.kernel", 3, [{ decision: 0, choices: [1] }]),
      { ...decision("stem.kernel", 2), options: [[1, 3], 3] },
    ],
  }

  it("go to choices and back, inactive decisions left out", () => {
    for (const choices of [
      [0, 1, 0, 0],
      [1, 0, 2, 1],
    ]) {
      const assignment = toAssignment(space, choices)
      expect(fromAssignment(space, assignment)).toEqual(Result.succeed(choices))
    }
    expect(toAssignment(space, [0, 1, 2, 0])).toEqual({
      "stage1.repeats": 1,
      "stage1.0.conv1.format": "INT8",
      "stem.kernel": [1, 3],
    })
  })

  it("report everything that is wrong at once", () => {
    const wrong = {
      "stage1.repeats": 1,
      "stage1.0.conv1.fromat": "INT4",
      "stage1.1.kernel": 2,
      "stem.kernel": 5,
    }
    expect(fromAssignment(space, wrong)).toEqual(
      Result.fail([
        {
          path: ["stage1.0.conv1.fromat"],
          message: "the space has no such decision; did you mean stage1.0.conv1.format?",
        },
        { path: ["stem.kernel"], message: "5 is not offered; it offers [1,3], 3" },
        { path: ["stage1.0.conv1.format"], message: "missing; the decision is active" },
        {
          path: ["stage1.1.kernel"],
          message: "given, but the decision is inactive; leave it out",
        },
      ]),
    )
  })

  it("do not take a text for a number, nor the object's own properties for paths", () => {
    const text = { "stage1.repeats": "1", "stage1.0.conv1.format": "INT4", "stem.kernel": 3 }
    expect(fromAssignment(space, text)).toEqual(
      Result.fail([{ path: ["stage1.repeats"], message: "1 is not offered; it offers 1, 2" }]),
    )
    const inherited = fromAssignment({ decisions: [decision("constructor", 2)] }, {})
    expect(inherited).toEqual(
      Result.fail([{ path: ["constructor"], message: "missing; the decision is active" }]),
    )
  })

  it("name the widest option, the first of equals", () => {
    expect(widest({ ...decision("d", 3), sizes: [4, 8, 8] })).toBe(1)
  })
})
