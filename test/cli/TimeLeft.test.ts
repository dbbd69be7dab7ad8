/** How long a grid still takes. */
import { describe, expect, it } from "vitest"
import { secondsLeft, speeds } from "../../src/cli/progress/TimeLeft.ts"

describe("a grid", () => {
  it("ends with the last of its trials: the waiting ones take free places in turn", () => {
    expect(secondsLeft([30, 10], [20, 20, 20], 2)).toBe(50)
    expect(secondsLeft([30], [20, 20], 2)).toBe(40)
    expect(secondsLeft([], [20, 20, 20], 2)).toBe(40)
    expect(secondsLeft([5], [], 4)).toBe(5)
    expect(secondsLeft([], [], 4)).toBe(0)
  })
  it("says nothing while a speed is not known", () => {
    expect(secondsLeft([undefined], [], 1)).toBeUndefined()
    expect(secondsLeft([3], [undefined], 1)).toBeUndefined()
  })
})

describe("speeds", () => {
  const of = (kind: string) => ({ parameters: { "search.kind": kind } })
  it("are those of the same kind of trial, else the mean of all", () => {
    const speedOf = speeds([
      { trial: of("random"), secondsPerStep: 1 },
      { trial: of("random"), secondsPerStep: 3 },
      { trial: of("reinforce"), secondsPerStep: 8 },
    ])
    expect(speedOf(of("random"))).toBe(2)
    expect(speedOf(of("reinforce"))).toBe(8)
    expect(speedOf(of("fixed"))).toBe(4)
    expect(speeds([])(of("fixed"))).toBeUndefined()
  })
})
