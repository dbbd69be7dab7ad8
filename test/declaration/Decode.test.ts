import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { type Check, decode, inspect } from "../../src/declaration/Decode.ts"
import { parse } from "../../src/declaration/Document.ts"
import { show } from "../../src/declaration/Errors.ts"
import { withDefault } from "../../src/declaration/Field.ts"
import { oneOfKinds } from "../../src/declaration/OneOfKinds.ts"

const usual = oneOfKinds(
  "Usual",
  [
    { kind: "near", spec: Schema.Struct({ kind: Schema.Literal("near"), radius: Schema.Finite }) },
    { kind: "far", spec: Schema.Struct({ kind: Schema.Literal("far"), speed: Schema.Finite }) },
  ],
  "near",
)
const share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
const Sgd = {
  kind: "sgd",
  spec: Schema.Struct({ kind: Schema.Literal("sgd"), momentum: withDefault(share, 0.9) }),
} as const
const Adam = {
  kind: "adam",
  spec: Schema.Struct({ kind: Schema.Literal("adam"), beta: Schema.Finite }),
} as const
const optimizers = oneOfKinds("Optimizer", [Sgd, Adam])

const kernel = Schema.Union([
  Schema.Int.check(Schema.isGreaterThan(0)),
  Schema.Struct({
    oneOf: Schema.Array(Schema.Int).check(Schema.isMinLength(1)),
    shared: Schema.optionalKey(Schema.Boolean),
  }),
  Schema.Struct({ use: Schema.String }),
])
const Item = Schema.Struct({
  conv: Schema.optionalKey(Schema.Struct({ filters: Schema.Int, kernel })),
  dense: Schema.optionalKey(Schema.Struct({ units: Schema.Int })),
}).check(Schema.isMinProperties(1), Schema.isMaxProperties(1))

const File = Schema.Struct({
  name: Schema.String,
  optimizer: withDefault(optimizers.schema, { kind: "sgd" }),
  activation: withDefault(Schema.Literals(["relu", "relu6", "none"]), "relu"),
  network: Schema.Array(Item).check(Schema.isMinLength(1)),
})

const messages = (text: string, check?: Check<typeof File.Type>) =>
  parse("x.yaml", text).pipe(
    Effect.map((document) => inspect(File, document, check).errors.map((error) => error.text)),
  )

const start = "name: a\nnetwork: [{ dense: { units: 2 } }]\n"

describe("decode", () => {
  it.effect("fills defaults, those of nested kinds too", () =>
    Effect.gen(function* () {
      const document = yield* parse("x.yaml", start)
      assert.deepStrictEqual(yield* decode(File, document), {
        name: "a",
        optimizer: { kind: "sgd", momentum: 0.9 },
        activation: "relu",
        network: [{ dense: { units: 2 } }],
      })
    }),
  )

  const cases: ReadonlyArray<readonly [string, string, ReadonlyArray<string>]> = [
    [
      "an unknown key",
      `${start}activaton: relu\n`,
      ['x.yaml:3:1 activaton: unknown key "activaton"; did you mean activation?'],
    ],
    [
      "an unknown key with no like",
      `${start}zzz: 1\n`,
      ['x.yaml:3:1 zzz: unknown key "zzz"; name, optimizer, activation or network would be right'],
    ],
    [
      "an unknown word",
      `${start}activation: rellu\n`,
      ['x.yaml:3:13 activation: got "rellu"; did you mean relu?'],
    ],
    [
      "a word of another type",
      `${start}activation: 3\n`,
      ["x.yaml:3:13 activation: got 3; relu, relu6 or none would be right"],
    ],
    [
      "an unknown kind",
      `${start}optimizer: { kind: adan }\n`,
      ['x.yaml:3:20 optimizer.kind: got "adan"; did you mean adam?'],
    ],
    [
      "no kind",
      `${start}optimizer: { beta: 1 }\n`,
      ["x.yaml:3:12 optimizer.kind: the key kind is missing; add kind: adam"],
    ],
    [
      "a key of the other kind: only the branch that was meant",
      `${start}optimizer: { kind: sgd, beta: 1 }\n`,
      ["x.yaml:3:25 optimizer.beta: kind sgd has no key beta; kind: adam has it"],
    ],
    [
      "a number out of range",
      `${start}optimizer: { kind: sgd, momentum: 2 }\n`,
      ["x.yaml:3:35 optimizer.momentum: got 2; a number between 0 and 1 would be right"],
    ],
    [
      "a missing key",
      "network: [{ dense: { units: 2 } }]\n",
      ["x.yaml:1:1 name: the key name is missing; add name: <text>"],
    ],
    [
      "a misspelt key is one mistake, not two",
      "nme: a\nnetwork: [{ dense: { units: 2 } }]\n",
      ['x.yaml:1:1 nme: unknown key "nme"; did you mean name?'],
    ],
    [
      "an empty list",
      "name: a\nnetwork: []\n",
      [
        "x.yaml:2:10 network: got []; a list with at least 1 entry, each { conv, dense } would be right",
      ],
    ],
    [
      "an unknown block",
      "name: a\nnetwork:\n  - cnv: { filters: 1 }\n",
      ['x.yaml:3:5 network.0.cnv: unknown key "cnv"; did you mean conv?'],
    ],
    [
      "two blocks in one item",
      "name: a\nnetwork:\n  - dense: { units: 1 }\n    conv: { filters: 1, kernel: 1 }\n",
      ["x.yaml:3:5 network.0: got { dense, conv }; exactly one of conv or dense would be right"],
    ],
    [
      "no block in an item",
      "name: a\nnetwork:\n  - {}\n",
      ["x.yaml:3:5 network.0: got {}; exactly one of conv or dense would be right"],
    ],
    [
      "a tunable of a wrong type",
      "name: a\nnetwork: [{ conv: { filters: 1, kernel: big } }]\n",
      [
        'x.yaml:2:41 network.0.conv.kernel: got "big"; an integer greater than 0, { oneOf, shared } or { use } would be right',
      ],
    ],
    [
      "a wrong option",
      "name: a\nnetwork: [{ conv: { filters: 1, kernel: { oneOf: [1, x] } } }]\n",
      ['x.yaml:2:54 network.0.conv.kernel.oneOf.1: got "x"; an integer would be right'],
    ],
    [
      "a misspelt tunable",
      "name: a\nnetwork: [{ conv: { filters: 1, kernel: { oneof: [1] } } }]\n",
      ['x.yaml:2:43 network.0.conv.kernel.oneof: unknown key "oneof"; did you mean oneOf?'],
    ],
    [
      "a tunable that says nothing",
      "name: a\nnetwork: [{ conv: { filters: 1, kernel: {} } }]\n",
      ["x.yaml:2:41 network.0.conv.kernel: this has no value; oneOf, shared or use would be right"],
    ],
    [
      "null",
      "name:\nnetwork: [{ dense: { units: 2 } }]\n",
      ["x.yaml:1:6 name: got null; text would be right"],
    ],
    [
      "a list at the top",
      "- a\n",
      ['x.yaml:1:1: got ["a"]; { name, network, optimizer, ... } would be right'],
    ],
  ]
  for (const [name, text, expected] of cases)
    it.effect(name, () =>
      Effect.map(messages(text), (found) => assert.deepStrictEqual(found, expected)),
    )

  it.effect("tells mistakes of reading, of shape and of meaning at once", () =>
    Effect.gen(function* () {
      const text =
        "name: a\nname: b\nactivaton: relu\nnetwork: [{ dense: { units: 2 } }]\noptimizer: { kind: sgd, momentum: .inf }\n"
      const found = yield* messages(text, (file) => [
        {
          path: ["network", 0, "dense", "units"],
          message: `${file.name} has 2 units; 3 would be right`,
        },
        { path: ["network", 0], message: "seems odd; think again", severity: "warning" },
      ])
      assert.deepStrictEqual(found, [
        'x.yaml:2:1 name: the key "name" appears twice, first on line 1; keep one',
        'x.yaml:3:1 activaton: unknown key "activaton"; did you mean activation?',
        "x.yaml:4:29 network.0.dense.units: a has 2 units; 3 would be right",
        "x.yaml:5:35 optimizer.momentum: .inf is not a usable number; write a finite number",
      ])
    }),
  )

  it.effect("counts what is past the two hundredth mistake", () =>
    Effect.gen(function* () {
      const keys = Array.from({ length: 500 }, (_, i) => `zz${i}: 1`).join("\n")
      const found = yield* messages(`${start}${keys}\n`)
      assert.strictEqual(found.length, 200)
      assert.match(found[199]!, /301 more mistakes follow/)
    }),
  )

  it.effect("takes the usual kind for a block that names none", () =>
    Effect.gen(function* () {
      const Holder = Schema.Struct({ at: usual.schema })
      const found = (text: string) =>
        Effect.map(parse("x.yaml", text), (document) => inspect(Holder, document))
      assert.deepStrictEqual((yield* found("at: { radius: 1 }")).value, {
        at: { kind: "near", radius: 1 },
      })
      const messages = (text: string) =>
        Effect.map(found(text), ({ errors }) => errors.map((error) => error.text))
      assert.deepStrictEqual(yield* messages("at: { speed: 1 }"), [
        "x.yaml:1:5 at.radius: the key radius is missing; add radius: <a number>",
        "x.yaml:1:7 at.speed: kind near has no key speed; kind: far has it",
      ])
      assert.deepStrictEqual(yield* messages("at: { kind: far, radius: 1 }"), [
        "x.yaml:1:5 at.speed: the key speed is missing; add speed: <a number>",
        "x.yaml:1:18 at.radius: kind far has no key radius; kind: near has it",
      ])
      assert.deepStrictEqual(yield* messages("at: { kind: fra, radius: 1 }"), [
        'x.yaml:1:13 at.kind: got "fra"; did you mean far?',
      ])
    }),
  )

  it("shows values safely", () => {
    assert.strictEqual(show("\u001b[31mred\u009b\u202e"), '"\\u001b[31mred\\u009b\\u202e"')
    assert.isAtMost(show("x".repeat(1000)).length, 60)
    assert.isAtMost(show(Array(1000).fill(1)).length, 60)
  })
})
