/** Names of formats in other tools: none is taken for a format, each is told for what it is, and none for what it is not. */
import { describe, expect, it } from "vitest"
import { explain, names, parse } from "../../src/format/Formats.ts"
import { otherSpelling } from "../../src/format/Spellings.ts"

/** PyTorch, ONNX, ml_dtypes, MLIR, CUDA and papers -> the format here. */
const same: Readonly<Record<string, ReadonlyArray<string>>> = {
  E4M3: [
    "fp8_e4m3",
    "fp8_e4m3fn",
    "float8_e4m3fn",
    "e4m3fn",
    "E4M3FN",
    "f8E4M3FN",
    "torch.float8_e4m3fn",
    "FLOAT8E4M3FN",
    "float8_e4m3",
    "hf8",
    "FP8-E4M3",
    "e4m3",
  ],
  E5M2: ["fp8_e5m2", "float8_e5m2", "f8E5M2", "FLOAT8E5M2", "bf8", "jnp.float8_e5m2"],
  E4M3FNUZ: ["e4m3fnuz", "float8_e4m3fnuz", "f8E4M3FNUZ", "fp8_e4m3_fnuz"],
  E5M2FNUZ: ["e5m2fnuz", "float8_e5m2fnuz", "FLOAT8E5M2FNUZ"],
  E2M1: ["fp4_e2m1", "float4_e2m1fn", "e2m1fn", "float4_e2m1fn_x2", "FLOAT4E2M1"],
  E2M3: ["fp6_e2m3", "float6_e2m3fn"],
  E3M2: ["fp6_e3m2", "float6_e3m2fn"],
  BF16: ["bfloat16", "bfloat", "BF-16", "bf16", "torch.bfloat16"],
  FP16: ["fp16", "float16", "half", "f16", "binary16", "torch.half"],
  FP32: ["fp32", "float32", "single", "float", "f32"],
  UINT8: ["uint8", "u8", "quint8", "torch.quint8"],
  UINT4: ["uint4", "int4_asymmetric"],
  INT8: ["int8", "i8", "s8", "sint8", "qint8", "INT_8", "torch.int8", "np.int8"],
  INT4: ["int4", "i4", "int_4", "INT04"],
  INT2: ["ternary", "b1.58"],
  MXFP4: ["mxfp4", "mxfp4_e2m1"],
  MXFP8E4M3: ["mxfp8_e4m3", "mxfp8e4m3fn", "MXFP8-E4M3"],
  MXFP6E3M2: ["mxfp6_e3m2"],
  MXINT8: ["mxint8"],
  NVFP4: ["nvfp4", "nvfp4_e2m1"],
}

/** What there is not -> what is nearest in meaning. */
const nearest: Readonly<Record<string, string>> = {
  nf4: "E2M1",
  nf3: "E2M1",
  posit8: "E4M3",
  "posit(8,1)": "E4M3",
  posit16: "FP16",
  takum8: "E4M3",
  lns8: "E4M0",
  msfp12: "MXINT8",
  mx9: "MXINT8",
  mxint4: "MXINT8",
  q8_0: "INT8",
  Q4_K_M: "INT4",
  tf32: "FP32",
  double: "FP32",
  fp128: "FP32",
  fixed8: "INT8",
  binary: "INT2",
  e4m3b11fnuz: "E4M3FNUZ",
  float8_e3m4: "E3M4",
}

/** What is said of more than one meaning, or of none alone. */
const told: Readonly<Record<string, RegExp>> = {
  int4_asym: /^it is UINT4 here, for activations; .* INT4$/,
  fp8: /^there are two: E4M3, and E5M2/,
  fp4: /E2M1.*MXFP4 or NVFP4/,
  fp6: /E2M3, E3M2/,
  mxfp8: /MXFP8E4M3 or MXFP8E5M2/,
  w4a8: /\{ weights: INT4, activations: INT8 \}/,
  W8A8: /\{ weights: INT8, activations: INT8 \}/,
  w4a16g128: /\{ weights: INT4, activations: BF16 \}.*blockSize: 128/,
  E8M0: /block scales/,
  float8_e8m0fnu: /block scales/,
  int32: /integers have 2 to 16 bits/,
}

describe("another name", () => {
  for (const [format, spellings] of Object.entries(same))
    it.each(spellings)(`%s is ${format}`, (name) => {
      expect(parse(name)).toBeUndefined()
      const words = explain(name)
      expect(words).toMatch(new RegExp(`(?<![A-Z0-9])${format}(?![A-Z0-9])`))
      expect(words).not.toMatch(/did you mean|no such format/)
    })
})

describe("a format that is none here", () => {
  it.each(Object.entries(nearest))("%s is nearest to %s", (name, format) => {
    expect(explain(name)).toMatch(
      new RegExp(`^there is no such format here; nearest in meaning is ${format}\\b`),
    )
  })
  it.each(Object.entries(told))("%s is told", (name, words) => {
    expect(explain(name)).toMatch(words)
  })
  it("is told by names that are formats here", () => {
    for (const name of [
      ...Object.keys(nearest),
      ...Object.keys(told),
      ...Object.values(same).flat(),
    ])
      for (const [word] of explain(name).matchAll(
        /\b(?:U?INT\d+|E\dM\d\w*|MXFP\w+|MXINT\d+|NVFP\d|BF16|FP\d+)\b/g,
      ))
        expect(parse(word) ?? word, `${name}: ${word}`).toMatchObject({ name: word })
  })
  it("is never said of a format of ours", () => {
    for (const name of names) expect(explain(name)).toBe("is a format")
    for (const name of ["foo", "INTT8", "", "kernel"]) expect(otherSpelling(name)).toBeUndefined()
  })
})
