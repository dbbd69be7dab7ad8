/** Shipped files with letters, lines and signs of YAML changed at random: whatever comes of it, it is messages or a plan. */
import { readdirSync, readFileSync } from "node:fs"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { decode } from "../../src/declaration/Decode.ts"
import { parse } from "../../src/declaration/Document.ts"
import { spaceProblems } from "../../src/experiment/Checks.ts"
import { expand } from "../../src/experiment/Plan.ts"
import { Space } from "../../src/network/SpaceFile.ts"

const signs = [
  "[",
  "]",
  "{",
  "}",
  ":",
  ": ",
  "- ",
  "\n",
  "  ",
  "*a",
  "&a ",
  "!!str ",
  "'",
  '"',
  "|",
  ">",
  "#",
  "? ",
  "<<: ",
  "1e999",
  ".nan",
  "null",
  "~",
  "\t",
  "0",
  "-1",
  "oneOf: ",
  "use: x",
  "{ oneOf: [1, 2] }",
  "INT4",
  "---\n",
  "%x\n",
  "\r",
  "é",
  "😀",
  ",",
  "@",
]

const random = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state * 48271) % 2147483647
    return state % below
  }
}

const change = (text: string, next: (below: number) => number): string => {
  const at = next(text.length + 1)
  const from = next(text.length + 1)
  switch (next(4)) {
    case 0:
      return text.slice(0, at) + signs[next(signs.length)]! + text.slice(at)
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + next(8))
    case 2:
      return text.slice(0, at) + text.slice(from, from + next(40)) + text.slice(at)
    default: {
      const lines = text.split("\n")
      const line = next(lines.length)
      lines.splice(line, 1, ...(next(2) === 0 ? [] : [lines[line]!, lines[next(lines.length)]!]))
      return lines.join("\n")
    }
  }
}

const rounds = 15

layer(NodeFileSystem.layer)("changed at random", (it) => {
  describe.each(["spaces", "experiments"])("%s", (folder) => {
    for (const name of readdirSync(folder).filter((file) => file.endsWith(".yaml")))
      it.effect(name, () =>
        Effect.gen(function* () {
          const file = `${folder}/${name}`
          const original = readFileSync(file, "utf8")
          const next = random(name.length + 7)
          let wrong = 0
          for (let round = 0; round < rounds; round++) {
            let text = original
            for (let changes = next(4); changes >= 0; changes--) text = change(text, next)
            const errors = yield* Effect.gen(function* () {
              const document = yield* parse(file, text)
              yield* folder === "spaces" ? decode(Space, document, spaceProblems) : expand(document)
            }).pipe(Effect.match({ onFailure: (failure) => failure.errors, onSuccess: () => [] }))
            if (errors.length > 0) wrong++
            for (const { line, column, message } of errors) {
              assert.isAtLeast(line, 1)
              assert.isAtLeast(column, 1)
              assert.match(message, /^.+; .+$/, text)
            }
          }
          assert.isAbove(wrong, rounds / 4)
        }),
      )
  })
})
