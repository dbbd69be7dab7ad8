import { assert, describe, it } from "@effect/vitest"
import { canonicalJson, idOf } from "../../src/experiment/Canonical.ts"

describe("canonicalJson", () => {
  it("is RFC 8785: its own example", () => {
    // RFC 8785, section 3.2.2 and 3.2.3; the string is built so that no editor can change it.
    const string = "\u20ac$\u000f\nA'\u0042\u0022\u005c\\\"/"
    const value = {
      numbers: [Number("333333333.33333329"), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string,
      literals: [null, true, false],
    }
    assert.strictEqual(
      canonicalJson(value),
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
    const keys = {
      "\u20ac": 1,
      "\r": 2,
      "\ufb33": 3,
      "1": 4,
      "\ud83d\ude00": 5,
      "\u0080": 6,
      "\u00f6": 7,
    }
    assert.deepStrictEqual(Object.values(JSON.parse(canonicalJson(keys)) as object).length, 7)
    assert.strictEqual(
      canonicalJson(keys),
      '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}',
    )
  })
  it("has one spelling for minus zero, and none for what JSON lacks", () => {
    assert.strictEqual(canonicalJson([-0, 0]), "[0,0]")
    assert.throws(() => canonicalJson(Number.NaN), "NaN has no JSON")
    assert.throws(() => canonicalJson([undefined]), "undefined has no JSON")
    assert.strictEqual(canonicalJson({ a: undefined, b: 1 }), '{"b":1}')
  })
  it("gives ids that the order of keys does not change", () => {
    assert.strictEqual(
      idOf({ a: 1, b: [2, { c: 3, d: 4 }] }),
      idOf({ b: [2, { d: 4, c: 3 }], a: 1 }),
    )
    assert.match(idOf({}), /^[0-9a-f]{16}$/)
    // printf '{}' | sha256sum
    assert.strictEqual(idOf({}), "44136fa355b3678a")
  })
})
