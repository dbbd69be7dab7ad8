/**
 * The corpus of wrong files: every `test/invalid/X.yaml` beside `X.expected.txt`, all messages of it in order.
 *
 * `space-*.yaml` are spaces, the others experiments. To write the expected messages anew: `UPDATE=1 npx vitest run
 * test/experiment/Invalid.test.ts`, then read them.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { decode } from "../../src/declaration/Decode.ts"
import { read } from "../../src/declaration/Document.ts"
import { spaceProblems } from "../../src/experiment/Checks.ts"
import { expand } from "../../src/experiment/Plan.ts"
import { Space } from "../../src/network/SpaceFile.ts"

const folder = "test/invalid"
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"))

const messages = (name: string) =>
  Effect.gen(function* () {
    const document = yield* read(`${folder}/${name}`)
    yield* name.startsWith("space-") ? decode(Space, document, spaceProblems) : expand(document)
  }).pipe(
    Effect.match({
      onFailure: (failure) => failure.errors.map((error) => `${error.text}\n`).join(""),
      onSuccess: () => "nothing is wrong\n",
    }),
    Effect.provide(NodeFileSystem.layer),
  )

describe("every wrong file says what is wrong with it", () => {
  for (const name of files)
    it.effect(name, () =>
      Effect.gen(function* () {
        const expectedFile = `${folder}/${name.replace(/\.yaml$/, ".expected.txt")}`
        const found = yield* messages(name)
        if (process.env["UPDATE"] !== undefined) writeFileSync(expectedFile, found)
        assert.strictEqual(found, readFileSync(expectedFile, "utf8"))
        assert.notStrictEqual(found, "nothing is wrong\n")
      }),
    )
})

describe("ten mistakes in one file are ten messages", () => {
  for (const name of ["ten-mistakes.yaml", "space-ten-mistakes.yaml"])
    it.effect(name, () =>
      Effect.map(messages(name), (found) => {
        const lines = found.trimEnd().split("\n")
        assert.strictEqual(lines.length, 10)
        for (const line of lines)
          assert.match(line, new RegExp(`^${folder}/${name}:\\d+:\\d+ [\\w."]+: [^;]+; .+$`))
      }),
    )
})
