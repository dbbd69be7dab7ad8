/**
 * Every whole YAML file in README.md and docs/ is what `validate` accepts: a block with `network:` at its top is a space,
 * one with `space:` an experiment beside those that ship, one with `layers:` a latency table. Fragments, which have no such
 * key, are left out.
 */
import { readdirSync, readFileSync } from "node:fs"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { LatencyTable, tableProblems } from "../../src/cost/LatencyTable.ts"
import { inspect } from "../../src/declaration/Decode.ts"
import { parse } from "../../src/declaration/Document.ts"
import { spaceProblems } from "../../src/experiment/Checks.ts"
import { expand } from "../../src/experiment/Plan.ts"
import { Space } from "../../src/network/SpaceFile.ts"

const pages = [
  "README.md",
  ...readdirSync("docs")
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
]

interface Example {
  /** `docs/spaces.md:17`: where the block begins. */
  readonly place: string
  readonly kind: "space" | "experiment" | "latency table"
  readonly text: string
}

const kindOf = (text: string): Example["kind"] | undefined =>
  /^network:/m.test(text)
    ? "space"
    : /^space:/m.test(text)
      ? "experiment"
      : /^layers:/m.test(text)
        ? "latency table"
        : undefined

const examplesOf = (page: string): ReadonlyArray<Example> => {
  const source = readFileSync(page, "utf8")
  return [...source.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].flatMap(({ 1: text = "", index }) => {
    const kind = kindOf(text)
    const line = source.slice(0, index).split("\n").length
    return kind === undefined ? [] : [{ place: `${page}:${line}`, kind, text }]
  })
}

const examples = pages.flatMap(examplesOf)

/** All that is wrong, and all that is doubtful: an example should have neither. */
const messages = ({ kind, text }: Example) =>
  Effect.gen(function* () {
    // Its paths are those of a file among the shipped experiments.
    const document = yield* parse("experiments/example.yaml", text)
    if (kind === "experiment") return (yield* expand(document)).warnings
    const { errors, warnings } =
      kind === "space"
        ? inspect(Space, document, spaceProblems)
        : inspect(LatencyTable, document, tableProblems)
    return [...errors, ...warnings]
  }).pipe(
    Effect.catchTag("DeclarationErrors", ({ errors }) => Effect.succeed(errors)),
    // An entry of `include` that is a combination of its own is told every time, and is right where it is meant.
    Effect.map((found) =>
      found.flatMap(({ text }) => (/fits no combination of the matrix/.test(text) ? [] : [text])),
    ),
    Effect.provide(NodeFileSystem.layer),
  )

describe("examples", () => {
  it("are found on the pages that have them", () => {
    for (const [page, kind] of [
      ["README.md", "space"],
      ["docs/formats.md", "latency table"],
      ["docs/spaces.md", "space"],
      ["docs/experiments.md", "experiment"],
    ] as const)
      assert.isTrue(
        examples.some(({ place, ...one }) => place.startsWith(page) && one.kind === kind),
      )
  })

  for (const example of examples)
    it.effect(`${example.kind} at ${example.place}`, () =>
      Effect.map(messages(example), (found) => assert.deepStrictEqual(found, [])),
    )
})
