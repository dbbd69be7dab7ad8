/** What the progress display says in terminals of every size: whole fields, those of most worth first. */
import { describe, expect, it } from "vitest"
import { width } from "../../src/cli/Output.ts"
import {
  type AtWork,
  gridLines,
  timeLeft,
  type Whole,
} from "../../src/cli/progress/ProgressLines.ts"

const atWork = (place: number, name: string, more: object = {}): AtWork =>
  ({
    place,
    trial: { id: `${place}`, name, steps: 1000, parameters: { "reward.cost.kind": "memory" } },
    heartbeat: {
      step: 450,
      stepsPerSecond: 0.75,
      metrics: {
        "train/loss": 1.2345,
        "search/cost": 1_234_567,
        "search/quality": 0.5,
        "search/reward": 0.45,
        "search/entropy": 0.9,
      },
      warnings: [],
      ...more,
    },
  }) as unknown as AtWork

const whole: Whole = { total: 24, done: 3, failed: 1, secondsLeft: 4000 }
const at = (columns: number, rows = 23, works = [atWork(4, "peak=0.1 seed=2")]) =>
  gridLines(works, whole, { columns, rows })

describe("the lines of a grid", () => {
  const searching = (columns: number) =>
    at(columns, 23, [{ ...atWork(4, "peak=0.1"), target: 1_000_000 }])
  const last = "3 of 24 trials done  1 failed  grid: 1 h 07 min left"

  it("at 40, 80, 120 and 160 columns: one line a trial, what is worth most first", () => {
    expect([39, 79, 119, 159].map(searching)).toEqual([
      ["step 450/1000  12 min left  peak=0.1", "3 of 24 trials done"],
      ["step 450/1000  12 min left  reward 0.450  cost/target 1.235  peak=0.1", last],
      [
        "█████████░░░░░░░░░░  step 450/1000  12 min left  0.75 steps/s  reward 0.450  entropy 0.900  cost/target 1.235  peak=0.1",
        last,
      ],
      [
        "█████████░░░░░░░░░░░  trial 4/24  step 450/1000  12 min left  0.75 steps/s  reward 0.450  entropy 0.900  cost/target 1.235  loss 1.23  quality 0.500  peak=0.1",
        last,
      ],
    ])
  })

  it("takes one line however many trials are at work, and says how many have none", () => {
    const many = Array.from({ length: 8 }, (_, i) => atWork(i + 1, "peak=0.1 seed=2"))
    expect(at(79, 9, many)).toHaveLength(9)
    expect(at(159, 5, many).slice(3)).toEqual(["and 5 more at work", last])
  })

  it("a single trial needs no place and no line for the grid", () => {
    const alone = gridLines(
      [atWork(1, "quickstart")],
      { total: 1, done: 0, failed: 0, secondsLeft: 733 },
      { columns: 79, rows: 23 },
    )
    expect(alone).toEqual(["step 450/1000  12 min left  reward 0.450  entropy 0.900  cost 1.23 MB"])
  })

  it("a trial without a heartbeat is getting ready, one without steps left is finishing", () => {
    const waiting = { ...atWork(1, "a"), heartbeat: undefined }
    expect(at(79, 23, [waiting])[0]).toContain("step 0/1000  getting ready")
    expect(at(79, 23, [atWork(1, "a", { step: 1000 })])[0]).toContain("step 1000/1000  finishing")
  })

  it("a fine-tuned or retrained trial shows the loss of that phase", () => {
    const metrics = { "train/loss": 1, "fine_tune/loss": 2, "retrain/loss": 3 }
    expect(at(79, 23, [atWork(1, "a", { metrics })])[0]).toContain("loss 3.00")
    const { "retrain/loss": _, ...tuned } = metrics
    expect(at(79, 23, [atWork(1, "a", { metrics: tuned })])[0]).toContain("loss 2.00")
  })

  it("names keep to their words and their width: wide characters count twice, control characters show", () => {
    const wide = atWork(4, "探索=小さい 種=2 peak=0.1")
    expect(at(79, 23, [wide])[0]).toBe(
      "step 450/1000  12 min left  cost 1.23 MB  探索=小さい 種=2 peak=0.1",
    )
    expect(at(59, 23, [wide])[0]).toBe("step 450/1000  12 min left  探索=小さい 種=2 …")
    expect(at(79, 23, [atWork(4, "a\u001b[2Jb\nc")])[0]).toContain("a\ufffd[2Jb\ufffdc")
  })

  const names = [
    "a",
    "peak=0.1 seed=2",
    "探索=小さい 種=2",
    "x".repeat(200),
    "evolution,population=8 ".repeat(5).trim(),
  ]
  const fields =
    /^(?:[█░]{10,20}|trial +\d+\/\d+|step +\d+\/\d+|12 min left|loss 1\.23|cost 1\.23 MB|cost\/target 1\.235|quality 0\.500|reward 0\.450|entropy 0\.900|0\.75 steps\/s|3 of 24 trials done|1 failed|grid: 1 h 07 min left|and \d+ more at work)$/
  it("fits every size: no line is wider, no field is cut", () => {
    for (let columns = 20; columns <= 200; columns += 3)
      for (const rows of [1, 2, 3, 5, 8, 23])
        for (let jobs = 1; jobs <= 5; jobs++) {
          const works = Array.from({ length: jobs }, (_, i) => atWork(i + 1, names[i]!))
          const lines = at(columns, rows, works)
          expect(lines.length).toBeLessThanOrEqual(Math.max(rows, 2))
          for (const line of lines) {
            expect(width(line)).toBeLessThanOrEqual(columns)
            const rest = line
              .trim()
              .split(/ {2,}/)
              .filter((field) => !fields.test(field))
            const isName = (text: string) =>
              names.some(
                (name) =>
                  name === text || (text.endsWith(" …") && name.startsWith(text.slice(0, -2))),
              )
            expect(
              rest.filter((field) => !isName(field.trim())),
              `${columns} columns`,
            ).toEqual([])
          }
        }
  })
})

describe("time left", () => {
  it.each([
    [0.2, "1 s left"],
    [59, "59 s left"],
    [61, "1 min left"],
    [3599, "1 h 00 min left"],
    [3900, "1 h 05 min left"],
    [200_000, "2 d 7 h left"],
  ])("%d seconds", (seconds, text) => {
    expect(timeLeft(seconds)).toBe(text)
  })
})
