/**
 * Random format spaces searched with the default settings. A few here; the hundred of docs/method.md by
 *
 *     FLIQS_SPACES=100 npm test -- test/rehearse/Rehearse.slow.test.ts
 *
 * and others with FLIQS_FIRST_SPACE=1000 before it; with other knobs by FLIQS_KNOBS='{"measureEvery":2}'.
 */
import { describe, expect, it } from "vitest"
import { Reinforce } from "../../src/search/Reinforce.ts"
import { isCommitted, onTarget } from "../../src/rehearse/Rehearse.ts"
import { rehearseFormats } from "./randomFormats.ts"

const count = Number(process.env["FLIQS_SPACES"] ?? 8)
const first = Number(process.env["FLIQS_FIRST_SPACE"] ?? 0)
const knobs = JSON.parse(process.env["FLIQS_KNOBS"] ?? "{}") as object

describe("random format spaces, default settings, 5 000 steps", () => {
  it(
    "end on target and committed in 95 of 100, and beat the best uniform in 90",
    { timeout: 1_200_000 },
    () => {
      const outcomes = Array.from({ length: count }, (_, i) =>
        rehearseFormats(first + i, 5000, (problem) =>
          Reinforce.make({ kind: "reinforce", ...knobs }, problem),
        ),
      )
      const right = outcomes.filter(
        ({ rehearsal }) =>
          onTarget(rehearsal.costOverTarget) && isCommitted(rehearsal.topProbability),
      )
      const wins = outcomes.filter(({ rehearsal, uniformLoss }) => rehearsal.loss < uniformLoss)
      console.log(
        `${right.length} on target and committed, ${wins.length} beat uniform, of ${count}`,
      )
      expect(right.length / count).toBeGreaterThanOrEqual(0.95)
      expect(wins.length / count).toBeGreaterThanOrEqual(0.9)
    },
  )
})
