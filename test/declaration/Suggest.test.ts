import { assert, describe, it } from "@effect/vitest"
import { didYouMean, meant, nearest, suggest } from "../../src/declaration/Suggest.ts"
import { otherNames } from "../../src/declaration/OtherNames.ts"

describe("suggest", () => {
  it("finds the nearest word", () => {
    assert.strictEqual(suggest("momentun", ["momentum", "weightDecay"]), "momentum")
    assert.strictEqual(suggest("KERNEL", ["kernel", "filters"]), "kernel")
    assert.strictEqual(suggest("kerenl", ["kernel"]), "kernel")
    assert.strictEqual(suggest("ekrnel", ["kernel"]), "kernel")
    assert.strictEqual(
      suggest("stage2.0.cnv1.format", ["stage2.0.conv1.format"]),
      "stage2.0.conv1.format",
    )
    assert.strictEqual(suggest("lr", ["learningRate"]), undefined)
    assert.strictEqual(suggest("", ["a"]), undefined)
    assert.strictEqual(suggest("x".repeat(1000), ["x".repeat(1000)]), undefined)
  })
  it("never takes another thing for a slip: one with other numbers, or with another beginning", () => {
    for (const [word, other] of [
      ["UINT8", "INT8"],
      ["INT44", "INT4"],
      ["E4M3", "E4M2"],
      ["MXFP8", "FP8"],
      ["cifar100", "cifar10"],
      ["relu1", "relu6"],
      ["relu8", "relu"],
      ["prelu", "relu"],
      ["selu", "relu"],
      ["elu", "relu"],
      ["kmnist", "mnist"],
      ["emnist", "mnist"],
      ["nadam", "adam"],
      ["radam", "adam"],
      ["stage3.0.format", "stage2.0.format"],
      ["seed1", "seed"],
      ["test", "list"],
    ] as const)
      assert.deepStrictEqual(nearest(word, [other]), [], `${word} is not ${other}`)
  })
  it("takes a forgotten number for a slip, and tells all that are as near", () => {
    assert.strictEqual(suggest("cifar", ["cifar10", "mnist"]), "cifar10")
    assert.strictEqual(suggest("beta", ["beta1", "beta2"]), undefined)
    assert.strictEqual(meant("beta", ["beta1", "beta2"]), "did you mean beta1 or beta2?")
    assert.strictEqual(meant("INT", ["INT2", "INT3", "INT4", "INT5"]), undefined)
  })
  it("lists the words when none is near", () => {
    assert.strictEqual(didYouMean("zzz", ["a", "b", "c"]), "a, b or c would be right")
  })
})

describe("other names", () => {
  const others = otherNames({
    what: "activation",
    same: { swish: "silu sil" },
    near: { relu: "leaky_relu prelu" },
    say: { "it is a field: norm": "batchNorm" },
  })
  it("are the same whatever their letter case and signs, and never a slip", () => {
    for (const word of ["silu", "SiLU", "si-lu"])
      assert.strictEqual(others(word), "it is swish here")
    assert.strictEqual(
      others("leakyReLU"),
      "there is no such activation here, and relu is nearest in meaning",
    )
    assert.strictEqual(others("batch_norm"), "it is a field: norm")
    assert.strictEqual(others("sill"), undefined)
  })
  it("come before slips", () => {
    assert.strictEqual(didYouMean("sil", ["sin"], others), "it is swish here")
    assert.strictEqual(didYouMean("sni", ["sin"], others), "did you mean sin?")
  })
})
