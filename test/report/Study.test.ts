import { describe, expect, it } from "vitest"
import {
  armNames,
  armsOf,
  linesOfPlan,
  type Planned,
  replaceBetween,
  type StudyLine,
  studyText,
} from "../../src/report/Study.ts"
import { studyPicture } from "../../src/report/StudyPicture.ts"

const line = (arm: string, seed: number, accuracy: number, more: object = {}): StudyLine => ({
  id: `${arm}${seed}`,
  arm,
  seed,
  state: "finished",
  metrics: { "final/accuracy": accuracy, "final/cost": 0.05, "final/cost_over_target": 1, ...more },
  assignment: {},
  steps: 10,
  seconds: 120,
})

const lines = [
  line("reinforce", 1, 0.6, { "final/retrain_gap": 0.01 }),
  line("uniform INT4", 1, 0.58),
  line("reinforce", 2, 0.62, { "final/retrain_gap": -0.01 }),
  line("uniform INT4", 2, 0.599),
  line("random", 1, 0.5),
  line("random", 2, 0.7),
]

describe("a study", () => {
  it("names arms by all that differs but the seed and the end", () => {
    const own = (more: Record<string, string>) => ({
      id: "",
      control: null,
      cell: { "search.kind": "reinforce", batchSize: "128", "finish.retrain": "true", ...more },
      parameters: {},
    })
    const control = (kind: Planned["control"]) => ({
      id: "",
      control: kind,
      cell: { "search.kind": "fixed", seed: "1" },
      parameters: { "search.uniform": "INT4" },
    })
    expect(
      armNames([
        own({ seed: "1" }),
        own({ seed: "2" }),
        own({ seed: "1", "search.budget": "hard" }),
        own({ seed: "1", space: "../../spaces/vit-tiny.yaml" }),
        own({ seed: "1", "search.kind": "fixed", "search.assignment.stem.format": "INT4" }),
        control("uniform"),
        control("wideThenUniform"),
      ]),
    ).toEqual([
      "reinforce",
      "reinforce",
      "reinforce budget=hard",
      "reinforce vit-tiny",
      "fixed",
      "uniform INT4",
      "wide then uniform INT4",
    ])
  })

  it("tells the random control from the search of that name, and counts the lines of its plan alone, once", () => {
    const planned = (id: string, control: Planned["control"]) => ({
      id,
      control,
      cell: { "search.kind": "random", seed: "1" },
      parameters: {},
    })
    const plan = [planned("a", null), planned("b", "random")]
    const id = (name: string, accuracy: number) => ({ ...line("old", 1, accuracy), id: name })
    const lines = linesOfPlan([id("gone", 0.9), id("b", 0.5), id("a", 0.6), id("b", 0.5)], plan)
    expect(lines.map(({ id, arm }) => [id, arm])).toEqual([
      ["a", "random"],
      ["b", "random control"],
    ])
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

  it("draws a dot for every finished trial, and names as text", () => {
    const svg = studyPicture(armsOf([...lines, line("a<b", 1, 0.4)]), "title")
    expect(svg.match(/<circle/g)).toHaveLength(7)
    expect(svg).toContain("a&lt;b")
    expect(svg).not.toContain("NaN")
  })

  it("writes between its markers and nowhere else", () => {
    const once = replaceBetween("# Results\n", "a", "one")
    const both = replaceBetween(once, "b", "two")
    const again = replaceBetween(both, "a", "three")
    expect(again).toBe(both.replace("one", "three"))
    expect(replaceBetween(again, "a", "three")).toBe(again)
  })
})
