/** Which terminals get hyperlinks, and what may pass to a terminal as one. */
import { describe, expect, it } from "vitest"
import { hasHyperlinks, hyperlink, splitAtLinks } from "../../src/cli/Hyperlinks.ts"

const terminal = { isTTY: true, columns: 80 } as const
const url = `https://mlflow.example.org/team/#/experiments/1/runs?viewStateShareKey=accuracy-${"0".repeat(16)}`

describe("hyperlinks", () => {
  it.each([
    ["a terminal of VTE 0.60", { VTE_VERSION: "6003" }, true],
    ["one of VTE 0.50.0, which crashed", { VTE_VERSION: "5000" }, false],
    ["kitty", { TERM: "xterm-kitty" }, true],
    ["VS Code", { TERM_PROGRAM: "vscode" }, true],
    ["Windows Terminal", { WT_SESSION: "1" }, true],
    ["one that says nothing", { TERM: "xterm-256color" }, false],
    ["kitty behind screen", { TERM: "screen", KITTY_WINDOW_ID: "1" }, false],
    ["a person who wants no colours", { TERM: "xterm-kitty", NO_COLOR: "1" }, false],
    ["a person who asks for them", { TERM: "xterm", FORCE_HYPERLINK: "1" }, true],
    ["a person who asks for none", { TERM: "xterm-kitty", FORCE_HYPERLINK: "0" }, false],
  ])("of %s", (_, env, expected) => {
    expect(hasHyperlinks(terminal, env)).toBe(expected)
    expect(hasHyperlinks({ isTTY: false }, env)).toBe(false)
  })

  it("stand for an address that is longer than a line, and only those made here pass", () => {
    const before = process.env["FORCE_HYPERLINK"]
    process.env["FORCE_HYPERLINK"] = "1"
    try {
      const long = hyperlink(url, "accuracy against cost", terminal, 8)
      expect(long).toBe(`\u001b]8;;${url}\u001b\\accuracy against cost\u001b]8;;\u001b\\`)
      const short = hyperlink("http://127.0.0.1:1/grid/1/0", "words", terminal, 8)
      expect(short).toContain("\\http://127.0.0.1:1/grid/1/0\u001b")
      expect(hyperlink("javascript:alert(1)", "words", terminal)).toBe("javascript:alert(1)")
      const foreign = "\u001b]8;;https://evil.example/\u001b\\words\u001b]8;;\u001b\\"
      expect(splitAtLinks(`a ${foreign} b ${long} c`)).toEqual([`a ${foreign} b `, long, " c"])
    } finally {
      if (before === undefined) delete process.env["FORCE_HYPERLINK"]
      else process.env["FORCE_HYPERLINK"] = before
    }
  })

  it("are no part of what goes into a file", () => {
    expect(hyperlink(url, "words", { isTTY: false, columns: 80 })).toBe(url)
  })
})
