import { describe, expect, it } from "vitest"
import {
  armsOf,
  linesOfPlan,
  type Planned,
  plannedOf,
  replaceBetween,
  type StudyLine,
  studyText,
} from "../../scripts/study/Study.ts"
import { jsonOf, svgOf } from "../../src/picture/Render.ts"
import { studyPicture } from "../../scripts/study/StudyPicture.ts"

const line = (arm: string, seed: number, accuracy: number, more: object = {}): StudyLine => ({
  id: `${arm}${seed}`,
  arm,
  parameters: {},
  seed,
  state: "finished",
  metrics: { "final/accuracy": accuracy, "final/cost": 0.05, "final/cost_over_target": 1, ...more },
  assignment: {},
  steps: 10,
  seconds: 120,
})

const planned = (id: string): Planned => ({ id, parameters: {} })

const lines = [
  line("reinforce", 1, 0.6, { "final/retrain_gap": 0.01 }),
  line("uniform INT4", 1, 0.58),
  line("reinforce", 2, 0.62, { "final/retrain_gap": -0.01 }),
  line("uniform INT4", 2, 0.599),
  line("random", 1, 0.5),
  line("random", 2, 0.7),
]

describe("a study", () => {
  it("keeps the parameters of a plan as texts, numbers without exponent", () => {
    const parameters = {
      "search.optimizer.epsilon": 1e-8,
      "finish.retrain": true,
      seed: 1,
      name: "a",
    }
    const [trial] = plannedOf({ trials: [{ id: "1", parameters, state: "planned" }] })
    expect(trial).toEqual({
      id: "1",
      parameters: {
        "search.optimizer.epsilon": "0.00000001",
        "finish.retrain": "true",
        seed: "1",
        name: "a",
      },
    })
    expect(() => plannedOf({ trials: [{ id: "1", parameters: { seed: null } }] })).toThrow("seed")
  })

  it("counts the lines of its plan alone, in its order, once", () => {
    const plan = [planned("a"), planned("b")]
    const id = (name: string, accuracy: number) => ({ ...line("old", 1, accuracy), id: name })
    const lines = linesOfPlan([id("gone", 0.9), id("b", 0.5), id("a", 0.6), id("b", 0.5)], plan)
    expect(lines.map(({ id, metrics }) => [id, metrics["final/accuracy"]])).toEqual([
      ["a", 0.6],
      ["b", 0.5],
    ])
  })

  it("keeps lines apart that differ in more than their arm says, and no others", () => {
    const at = (seed: number, more: Record<string, string>) => ({
      ...line("reinforce x", seed, 0.5),
      parameters: { "search.kind": "reinforce", seed: String(seed), ...more },
    })
    const names = armsOf([
      at(1, { "train.steps": "10", "reward.cost.target.times": "1", "finish.retrain": "true" }),
      at(2, { "train.steps": "10", "reward.cost.target.times": "1", name: "other" }),
      at(1, { "train.steps": "20", "reward.cost.target.times": "1" }),
      at(1, { "train.steps": "20", "reward.cost.target.times": "2" }),
    ]).map(({ finished, name }) => [name, finished.length])
    expect(names).toEqual([
      ["reinforce x steps=10 times=1", 2],
      ["reinforce x steps=20 times=1", 1],
      ["reinforce x steps=20 times=2", 1],
    ])
    const uniform = (times: string) => ({
      ...line("uniform INT4 x", 1, 0.5),
      parameters: { "search.kind": "fixed", "reward.cost.target.times": times },
    })
    expect(armsOf([uniform("1"), uniform("1.5")])).toHaveLength(1)
  })

  it("states the cost of an arm that has no target over that of the first arm", async () => {
    const dear = {
      ...line("reinforce", 1, 0.6),
      metrics: { "final/accuracy": 0.6, "final/cost": 0.1, "final/cost_over_target": 1.25 },
    }
    const cheap = { ...line("uniform INT4", 1, 0.5), parameters: { "search.kind": "fixed" } }
    const text = studyText([dear, cheap])
    expect(text).toMatch(/\| reinforce \| 1 \| 60\.00 \| 0\.1 \| 1\.250 \|/)
    // 0.05 over a target of 0.1 / 1.25
    expect(text).toMatch(/\| uniform INT4 \| 1 \| 50\.00 \| 0\.05 \| 0\.625 \|/)
    expect(await svgOf(studyPicture(armsOf([dear, cheap]), "t"), "light")).toMatch(
      />0\.1<[\s\S]*>0\.05</,
    )
  })

  it("pairs the first arm with every other by seed: differences 2.0 and 2.1 win, -20 to +36 is open", () => {
    const text = studyText(lines)
    // mean 2.05, deviation 0.0707, half-width 12.706 * 0.0707 / sqrt(2) = 0.635
    expect(text).toContain(
      "| uniform INT4 | 2 | 58.95 ± 1.34 | 0.05 | 1.000 | +2.05, +1.41 to +2.69 | win | 2.0 |",
    )
    expect(text).toMatch(/\| random \| 2 \|.*\| open \|/)
    expect(text).toContain("Retrain gap of reinforce: +0.00, -12.71 to +12.71 (2 seeds).")
  })

  it("counts failed trials apart, and leaves seeds without a pair out", () => {
    const failed: StudyLine = { ...line("random", 2, 0), state: "failed", metrics: {} }
    const text = studyText([...lines.slice(0, 5), failed])
    expect(text).toContain("| random | 1 (1 failed) |")
    expect(text).toContain("+10.00, one seed")
    expect(studyText([])).toBe("No trial has finished yet.")
  })

  it("draws a dot for every finished trial and a tick for every mean, names as text", async () => {
    const picture = studyPicture(armsOf([...lines, line("a<b", 1, 0.4)]), "title")
    expect(jsonOf(picture).match(/"n": "seed \d"/g)).toHaveLength(7)
    expect(await svgOf(picture, "light")).toContain(">a&lt;b<")
  })

  it("writes between its markers and nowhere else", () => {
    const once = replaceBetween("# Results\n", "a", "one")
    const both = replaceBetween(once, "b", "two")
    const again = replaceBetween(both, "a", "three")
    expect(again).toBe(both.replace("one", "three"))
    expect(replaceBetween(again, "a", "three")).toBe(again)
  })
})
