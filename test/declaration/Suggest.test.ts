import { assert, describe, it } from "@effect/vitest"
import { didYouMean, suggest } from "../../src/declaration/Suggest.ts"

describe("suggest", () => {
  it("finds the nearest word", () => {
    assert.strictEqual(suggest("momentun", ["momentum", "weightDecay"]), "momentum")
    assert.strictEqual(suggest("KERNEL", ["kernel", "filters"]), "kernel")
    assert.strictEqual(suggest("lr", ["learningRate"]), undefined)
    assert.strictEqual(suggest("", ["a"]), undefined)
    assert.strictEqual(suggest("x".repeat(1000), ["x".repeat(1000)]), undefined)
  })
  it("lists the words when none is near", () => {
    assert.strictEqual(didYouMean("zzz", ["a", "b", "c"]), "a, b or c would be right")
  })
})
