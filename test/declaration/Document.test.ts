import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem } from "effect"
import { maxBytes, parse, parseBytes, read } from "../../src/declaration/Document.ts"

import { maxAliasExpansions } from "../../src/declaration/Nodes.ts"

const texts = (text: string) =>
  parse("x.yaml", text).pipe(
    Effect.match({
      onFailure: (failure) => failure.errors.map((error) => error.text),
      onSuccess: (document) => document.errors.map((error) => error.text),
    }),
  )

const nested = (inner: string) => "[".repeat(30) + inner + "]".repeat(30)
const aliases = (n: number) => `a: &a 1\nb: [${Array(n).fill("*a").join(", ")}]\n`
const megabyte = (unit: string) => unit.repeat(Math.floor(maxBytes / unit.length))

const valueOf = (text: string) => Effect.map(parse("x.yaml", text), (document) => document.value)

describe("what is refused, with its place", () => {
  const cases: ReadonlyArray<readonly [string, string, string]> = [
    ["a NUL", "a: 1\nb: \0", "x.yaml:2:4: there is a NUL character here; remove it"],
    [
      "two documents",
      "a: 1\n---\nb: 2\n",
      "x.yaml:2:1: a second document begins here; keep one document in a file",
    ],
    ["an empty file", "", "x.yaml:1:1: the file is empty; write keys and values"],
    ["only a comment", "# nothing\n", "x.yaml:1:1: the file is empty; write keys and values"],
    ["a bare scalar", "\nhello\n", 'x.yaml:2:1: the whole file is "hello"; write keys and values'],
    [
      "duplicate keys",
      "a: 1\nb: 2\na: 3\n",
      'x.yaml:3:1 a: the key "a" appears twice, first on line 1; keep one',
    ],
    [
      '1 and "1"',
      '1: a\n"1": b\n',
      'x.yaml:2:1 1: the key "1" appears twice, first on line 1; keep one',
    ],
    [
      "merge keys",
      "a: &a { b: 1 }\nc: { <<: *a }\n",
      'x.yaml:2:6 c."<<": merge keys are not part of YAML 1.2; write the keys out, or give a whole value an anchor under definitions: and take it by an alias',
    ],
    [
      "foreign tags",
      "a: !!binary aGk=\n",
      'x.yaml:1:13 a: the tag "tag:yaml.org,2002:binary" is not known here; remove it',
    ],
    ["own tags", "a: !env HOME\n", 'x.yaml:1:9 a: the tag "!env" is not known here; remove it'],
    ["cycles", "a: &a [1, *a]\n", "x.yaml:1:11 a.1: *a contains itself; write the value itself"],
    [
      "unknown aliases",
      "a: *b\n",
      "x.yaml:1:4 a: no anchor &b is defined above; write the value itself",
    ],
    ["complex keys", "? [1, 2]\n: a\n", "x.yaml:1:3: a key must be plain text; write `key: value`"],
    ["empty keys", ": a\n", "x.yaml:1:1: a key is empty; write `key: value`"],
    [
      "__proto__",
      "a: { __proto__: 1 }\n",
      "x.yaml:1:6 a.__proto__: this key is not allowed; choose another",
    ],
    [
      "constructor",
      "constructor: 1\n",
      "x.yaml:1:1 constructor: this key is not allowed; choose another",
    ],
    [
      "prototype",
      '"prototype": 1\n',
      "x.yaml:1:1 prototype: this key is not allowed; choose another",
    ],
    [
      "integers between float64s",
      "a: 9007199254740993\n",
      'x.yaml:1:4 a: "9007199254740993" cannot be held exactly; write an integer up to 9007199254740991, or quote it',
    ],
    [
      "overflow",
      "a: -1e999\n",
      'x.yaml:1:4 a: "-1e999" is too large a number; write a smaller one',
    ],
    ["NaN", "a: .nan\n", "x.yaml:1:4 a: .nan is not a usable number; write a finite number"],
    [
      "infinity",
      "a: [1, -.inf]\n",
      "x.yaml:1:8 a.1: -.inf is not a usable number; write a finite number",
    ],
    ["tabs", "a:\n\tb: 1\n", "x.yaml:2:1: a tab cannot indent; use spaces"],
  ]
  for (const [name, text, expected] of cases)
    it.effect(name, () =>
      Effect.map(texts(text), (found) => assert.deepStrictEqual(found, [expected])),
    )

  it.effect("nesting over 50, block or flow, and 50 is allowed", () =>
    Effect.gen(function* () {
      assert.match(
        (yield* texts("[".repeat(51) + "]".repeat(51))).join(),
        /^x\.yaml:1:51: nested more than 50/,
      )
      assert.match((yield* texts(`${"- ".repeat(60)}a`)).join(), /nested more than 50/)
      assert.deepStrictEqual(yield* texts("[".repeat(50) + "]".repeat(50)), [])
    }),
  )

  it.effect("aliases that nest over 50 when written out", () =>
    Effect.gen(function* () {
      const found = yield* texts(`a: &a ${nested("1")}\nb: ${nested("*a")}\n`)
      assert.match(found.join(), /nested more than 50/)
    }),
  )

  it.effect("more than 1000 alias expansions, however few aliases are written", () =>
    Effect.gen(function* () {
      const laughs = ["a0: &a0 ha"]
      for (let i = 1; i < 9; i++)
        laughs.push(
          `a${i}: &a${i} [${Array(10)
            .fill(`*a${i - 1}`)
            .join(", ")}]`,
        )
      assert.match(
        (yield* texts(laughs.join("\n"))).join(),
        /aliases are written out more than 1000 times/,
      )
      assert.deepStrictEqual(yield* texts(aliases(maxAliasExpansions)), [])
      assert.match((yield* texts(aliases(maxAliasExpansions + 1))).join(), /1000 times/)
    }),
  )

  it.effect("large values under few aliases", () =>
    Effect.gen(function* () {
      const text = `a: &a [${Array(2000).fill("1").join(", ")}]\nb: [${Array(900).fill("*a").join(", ")}]\n`
      assert.match((yield* texts(text)).join(), /written out the file is too large/)
    }),
  )

  it.effect("files over 1 MB, and bytes that are not UTF-8", () =>
    Effect.gen(function* () {
      const large = yield* Effect.flip(parseBytes("x.yaml", new Uint8Array(maxBytes + 1)))
      assert.match(large.message, /^x\.yaml:1:1: the file is larger than 1 MB/)
      const bytes = new TextEncoder().encode("a: 1\nbé: x\n")
      bytes[bytes.length - 2] = 0xff
      const broken = yield* Effect.flip(parseBytes("x.yaml", bytes))
      assert.strictEqual(
        broken.message,
        "x.yaml:2:5: this byte is not UTF-8; save the file as UTF-8",
      )
      const utf16 = yield* Effect.flip(parseBytes("x.yaml", Uint8Array.of(0xff, 0xfe, 0x61, 0)))
      assert.match(utf16.message, /^x\.yaml:1:1: this byte is not UTF-8/)
      const marked = yield* parseBytes(
        "x.yaml",
        Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0x3a, 0x20, 0x31),
      )
      assert.deepStrictEqual(marked.value, { a: 1 })
      const replacement = yield* parseBytes("x.yaml", new TextEncoder().encode("a: \ufffd"))
      assert.deepStrictEqual(replacement.value, { a: "\ufffd" })
    }),
  )

  it.effect("several mistakes at once, and the rest stays readable", () =>
    Effect.gen(function* () {
      const document = yield* parse(
        "x.yaml",
        "a: 1\na: 2\nb: { <<: 3, c: .inf, __proto__: 4, d: 5 }\n",
      )
      assert.strictEqual(document.errors.length, 4)
      assert.deepStrictEqual(document.value, { a: 1, b: { c: 0, d: 5 } })
    }),
  )
})

describe("values", () => {
  it.effect("are those of the core schema", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* valueOf(
          "[1, -2, +3, 0x1F, 0o17, 1.5, .5, 1., 1e3, 5.0e-4, true, FALSE, null, ~, yes, 'on', \"1\", !!str 7, !!int 7, 007, 1_000, 2024-01-01]",
        ),
        [
          1,
          -2,
          3,
          31,
          15,
          1.5,
          0.5,
          1,
          1000,
          0.0005,
          true,
          false,
          null,
          null,
          "yes",
          "on",
          "1",
          "7",
          7,
          7,
          "1_000",
          "2024-01-01",
        ],
      )
    }),
  )
  it.effect("hold the largest exact integers", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* valueOf("[9007199254740991, 9007199254740992, 0x20000000000000]"),
        [9007199254740991, 9007199254740992, 9007199254740992],
      )
      assert.match((yield* texts(`a: ${"9".repeat(400)}`)).join(), /too large a number/)
      assert.match((yield* texts(`a: ${"9".repeat(300)}`)).join(), /cannot be held exactly/)
    }),
  )
  it.effect("of aliases are written out", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* valueOf("a: &x { b: [1] }\nc: *x\nd: [*x, *x]\n"), {
        a: { b: [1] },
        c: { b: [1] },
        d: [{ b: [1] }, { b: [1] }],
      })
    }),
  )
})

describe("locate", () => {
  it.effect("finds keys, values, items, aliases and the nearest ancestor", () =>
    Effect.gen(function* () {
      const { locate } = yield* parse("x.yaml", "a: &x\n  b: [10, 20]\nc: *x\nd:\n")
      const at = (path: ReadonlyArray<string | number>, where?: "key" | "value") => {
        const { line, column } = locate(path, where)
        return `${line}:${column}`
      }
      assert.strictEqual(at([]), "1:1")
      assert.strictEqual(at(["a", "b"], "key"), "2:3")
      assert.strictEqual(at(["a", "b"]), "2:6")
      assert.strictEqual(at(["a", "b", 1]), "2:11")
      assert.strictEqual(at(["c", "b", 1]), "2:11")
      assert.strictEqual(at(["c"], "key"), "3:1")
      assert.strictEqual(at(["a", "b", "nothing", "here"], "key"), "2:6")
      assert.strictEqual(at(["missing"], "key"), "1:1")
      assert.strictEqual(at(["d"]), "4:3")
    }),
  )
})

describe("read", () => {
  it.layer(NodeFileSystem.layer)((it) => {
    it.effect("refuses what is no file, and suggests a neighbour", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped()
        yield* fs.writeFileString(`${folder}/resnet8.yaml`, "a: 1\n")
        const missing = yield* Effect.flip(read(`${folder}/resnt8.yaml`))
        assert.strictEqual(
          missing.message,
          `${folder}/resnt8.yaml:1:1: no such file; did you mean ${folder}/resnet8.yaml?`,
        )
        assert.match((yield* Effect.flip(read(folder))).message, /not a regular file/)
        assert.match((yield* Effect.flip(read("/dev/zero"))).message, /not a regular file/)
        assert.deepStrictEqual((yield* read(`${folder}/resnet8.yaml`)).value, { a: 1 })
      }),
    )
  })
})

describe("hostile files end, and are refused by size before nodes are made", () => {
  // Every shape here took the `yaml` package alone minutes, or gigabytes, or all of its stack.
  const shapes: Record<string, string> = {
    "100 000 keys": Array.from({ length: 100_000 }, (_, i) => `k${i}: 1`).join("\n"),
    "flow keys": `{${Array.from({ length: 60_000 }, (_, i) => `k${i}: 1`).join(", ")}}`,
    "open brackets": megabyte("["),
    "open braces": megabyte("{"),
    "closing brackets": megabyte("]"),
    commas: `[${megabyte(",").slice(2)}]`,
    dashes: megabyte("- "),
    quotes: megabyte('"'),
    anchors: megabyte("&a "),
    documents: megabyte("---\n"),
    lines: megabyte("\n"),
    directives: megabyte("%a\n"),
  }
  for (const [name, text] of Object.entries(shapes))
    it.effect(name, () =>
      Effect.map(texts(text), (found) => {
        assert.strictEqual(found.length, 1)
        assert.match(found[0]!, /too many parts/)
      }),
    )
  it.effect("14 000 keys are read", () =>
    Effect.gen(function* () {
      const text = Array.from({ length: 14_000 }, (_, i) => `k${i}: 1`).join("\n")
      assert.strictEqual(Object.keys((yield* valueOf(text)) as object).length, 14_000)
    }),
  )
})
