import { describe, expect, it } from "vitest"
import { splitShortFlags } from "../../src/cli/Flags.ts"

describe("a short flag with its value", () => {
  it.each([
    ["-j1", ["-j", "1"]],
    ["-j 1", ["-j", "1"]],
    ["-j12 x.yaml", ["-j", "12", "x.yaml"]],
    ["-j=1", ["-j=1"]],
    ["--jobs=1", ["--jobs=1"]],
    ["-j-1", ["-j", "-1"]],
    ["-jx", ["-j", "x"]],
    ["-j", ["-j"]],
    ["-h", ["-h"]],
    ["-x1", ["-x1"]],
    ["-1", ["-1"]],
    ["run -j2 -- -j1", ["run", "-j", "2", "--", "-j1"]],
  ])("%s", (line, expected) => {
    expect(splitShortFlags(line.split(" "))).toEqual(expected)
  })
})
