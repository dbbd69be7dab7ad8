/** Commands in messages are what a shell reads them as, and stand on one line. */
import { execFileSync } from "node:child_process"
import { describe, expect, it } from "vitest"
import { pathText } from "../../src/declaration/Errors.ts"
import { shellCommand, shellWord } from "../../src/declaration/Shell.ts"

const words = [
  "experiments/quickstart.yaml",
  "--set=train.steps=20",
  "",
  " ",
  "a b",
  'we ?ird#1 %20 "q" ünï\'',
  "line\nbreak",
  "\n",
  "tab\tand 'quote' and \\ and \u0001\u007f",
  "$HOME `id` $(id) !!",
  "~",
  "=ls",
  "*",
  "{a,b};&|<>()",
  "-x",
  "😀",
]

describe("a word of a shell", () => {
  it.each(words)("%j comes back as it was", (word) => {
    const quoted = shellWord(word)
    expect(quoted).not.toContain("\n")
    const back = execFileSync("bash", ["-c", `printf '%s' ${quoted}; printf .`], {
      encoding: "utf8",
    })
    expect(back).toBe(`${word}.`)
  })

  it("is left alone where nothing in it is special", () => {
    expect(shellCommand(["./fliqs", "run", "a/b-c_1.yaml", "--set", "train.steps=20"])).toBe(
      "./fliqs run a/b-c_1.yaml --set train.steps=20",
    )
  })
})

it.each([
  ["/a/b c", "/a/b c"],
  ["/a\nb\t\r", "/a\\nb\\t\\r"],
  ["/\u001b[31mred\u009b", "/\\u001b[31mred\\u009b"],
  ["/a\u2028b\u202e", "/a\\u2028b\\u202e"],
  [`/"q"\\n`, `/"q"\\n`],
  [`/${"x".repeat(5000)}`, `/${"x".repeat(5000)}`],
])("a path %j is printed as %s", (path, text) => expect(pathText(path)).toBe(text))
