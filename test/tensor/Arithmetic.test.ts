import { describe, expect, it } from "vitest"
import {
  oneDnnOf,
  problemOf,
  variablesOf,
  variablesWithOneDnn,
} from "../../src/tensor/Arithmetic.ts"
import { flagsIn } from "../../src/tensor/Processor.ts"
import { type Arithmetic, differenceOf } from "../../src/train/ArithmeticRecord.ts"

describe("the variables that choose kernels", () => {
  it.each([
    [{}, { TF_ENABLE_ONEDNN_OPTS: "1" }, "on"],
    [{ TF_ENABLE_ONEDNN_OPTS: "" }, { TF_ENABLE_ONEDNN_OPTS: "1" }, "on"],
    [{ TF_ENABLE_ONEDNN_OPTS: "0" }, { TF_ENABLE_ONEDNN_OPTS: "0" }, "off"],
    [{ TF_ENABLE_ONEDNN_OPTS: "False" }, { TF_ENABLE_ONEDNN_OPTS: "False" }, "off"],
    [{ TF_ENABLE_ONEDNN_OPTS: "true" }, { TF_ENABLE_ONEDNN_OPTS: "true" }, "on"],
    [
      { ONEDNN_MAX_CPU_ISA: "AVX2", HOME: "/root" },
      { TF_ENABLE_ONEDNN_OPTS: "1", ONEDNN_MAX_CPU_ISA: "AVX2" },
      "on",
    ],
  ])("%j: %j, %s", (environment, variables, oneDnn) => {
    expect(variablesWithOneDnn(environment)).toEqual(variables)
    expect(oneDnnOf(variables)).toBe(oneDnn)
    expect(problemOf(variables)).toBeUndefined()
  })

  it("as they are, when nothing is to be switched on", () => {
    expect(variablesOf({ HOME: "/root" })).toEqual({})
    expect(oneDnnOf({})).toBe("default")
  })

  it.each(["2", "yes", "on", " 1"])("refuses TF_ENABLE_ONEDNN_OPTS=%s by name", (value) => {
    const problem = problemOf({ TF_ENABLE_ONEDNN_OPTS: value })
    expect(problem?.message).toBe(`TF_ENABLE_ONEDNN_OPTS=${value}: 1 or 0 would be right`)
  })
})

describe("the flags of a processor", () => {
  it.each([
    ["flags\t\t: fpu sse2 avx fma avx2 bmi2 vaes", ["avx", "avx2", "fma"]],
    [
      "model name : X\nflags : avx2 avx512f avx512_vnni amx_tile amx_int8\nbugs : avx512_bf16",
      ["avx2", "avx512f", "avx512_vnni", "amx_tile", "amx_int8"],
    ],
    ["Features : fp asimd", []],
    ["", []],
  ])("%j: %j", (text, flags) => {
    expect(flagsIn(text)).toEqual(flags)
  })
})

describe("two records", () => {
  const before: Arithmetic = {
    oneDnn: "on",
    variables: { TF_ENABLE_ONEDNN_OPTS: "1" },
    intraOpThreads: 2,
    interOpThreads: 2,
    processor: "A",
    processorFlags: ["avx2", "fma"],
    tensorflow: "2.21.0",
  }
  it.each<readonly [string, Partial<Arithmetic>, string | undefined]>([
    ["equal", {}, undefined],
    ["another model", { processor: "B" }, "the processor: A, now B"],
    ["other flags", { processorFlags: [] }, "its instructions: avx2 fma, now none"],
    ["threads", { intraOpThreads: 1 }, "the threads of an operation: 2, now 1"],
    ["operations", { interOpThreads: 1 }, "the operations at a time: 2, now 1"],
    ["version", { tensorflow: "3" }, "TensorFlow: 2.21.0, now 3"],
    [
      "variables",
      { oneDnn: "default", variables: {} },
      "the variables: TF_ENABLE_ONEDNN_OPTS=1, now none",
    ],
  ])("%s", (_, changes, words) => {
    expect(differenceOf(before, { ...before, ...changes })).toBe(words)
  })
})
