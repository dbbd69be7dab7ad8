/**
 * Names of number formats in other tools and papers -> the name here, or honestly that there is no such format, and what is
 * nearest in meaning. None of them is taken for a format: names here have one spelling.
 */
import { oneOf } from "../declaration/Suggest.ts"
import { FloatFormat } from "./FloatFormat.ts"
import { VariantFormat } from "./VariantFormat.ts"

const none = (nearest: string): string =>
  `there is no such format here; nearest in meaning is ${nearest}`

const is = (name: string): string => `it is ${name} here`

/** What each pattern of a plain name (small letters, no signs) comes to. */
type Spelling = readonly [RegExp, (...groups: ReadonlyArray<string>) => string | undefined]

const integer = (bits: number): string =>
  bits < 2
    ? none("INT2, which is -1, 0 and 1 under absmax")
    : bits > 16
      ? none("FP32, in which nothing is rounded; integers have 2 to 16 bits")
      : is(`INT${bits}`)

const operand = (bits: number): string =>
  bits >= 32 ? "FP32" : bits === 16 ? "BF16" : bits < 2 ? "INT2" : `INT${bits}`

const unsigned = (written: number): string => is(`UINT${Math.min(16, Math.max(2, written))}`)

/** `e4m3` with the suffixes of ONNX, PyTorch and ml_dtypes. */
const float = (prefix: string, x: string, y: string, suffix: string): string | undefined => {
  const name = `E${x}M${y}`
  const variant = `${name}FNUZ`
  const hasVariant = VariantFormat.names.includes(variant)
  if (suffix === "fnuz" && hasVariant) return is(variant)
  if (suffix === "b11fnuz" && hasVariant)
    return none(`${variant}, whose scale makes up for the other bias`)
  if (suffix === "ieee" && VariantFormat.names.includes(`${name}IEEE`)) return is(`${name}IEEE`)
  if (FloatFormat.make(name) === undefined) return FloatFormat.refusal?.(name)
  if (suffix !== "" && suffix !== "fn") return none(name)
  if (prefix === "float8" && name === "E4M3" && suffix === "")
    return "it is E4M3 here, which ends at 448; the one with infinities is E4M3IEEE"
  if (prefix === "float8" && name === "E3M4")
    return none("E3M4, all of whose codes are finite numbers")
  return is(name)
}

const ofBits = (bits: number): string => {
  const names = FloatFormat.names.filter((name) => FloatFormat.make(name)!.bits === bits)
  const usual = names.filter((name) => /^E[2-5]M[1-9]$/.test(name))
  return `there is more than one; name exponent and mantissa: ${oneOf(usual)}`
}

const wide: ReadonlyArray<Spelling> = [
  [/^(?:bfloat(?:16)?|brainfloat(?:16)?|bf16)$/, () => is("BF16")],
  [/^(?:half|(?:float|fp|f|binary|ieee)16|halfprecision)$/, () => is("FP16")],
  [/^(?:float|single|full|(?:float|fp|f|binary|ieee)32|fullprecision)$/, () => is("FP32")],
  [/^(?:double|(?:float|fp|f|binary)(?:64|80|128)|longdouble)$/, () => none("FP32")],
  [/^(?:tf32|tensorfloat(?:32)?|fp24|fp19)$/, () => none("FP32; FP16 has as many mantissa bits")],
]

const small: ReadonlyArray<Spelling> = [
  [
    /^((?:fp|float|f)\d*)?e(\d+)m(\d+)(fnuz|b11fnuz|fnu|fn|ieee)?(?:x2)?$/,
    (prefix = "", x = "", y = "", suffix = "") => float(prefix, x, y, suffix),
  ],
  [/^hf8$/, () => is("E4M3")],
  [/^bf8$/, () => is("E5M2")],
  [
    /^(?:hfp8|fp8hybrid|hybridfp8)$/,
    () =>
      "it is two formats: E4M3 forwards, E5M2 for gradients, which are not rounded here; E4M3 would be right",
  ],
  [
    /^(?:fp|float|f|minifloat)4$/,
    () => "there is more than one; E2M1, or with scales of blocks MXFP4 or NVFP4",
  ],
  [
    /^(?:fp|float|f|minifloat)8$/,
    () => "there are two: E4M3, and E5M2 with more range and less precision",
  ],
  [/^(?:fp|float|f|minifloat)([5-7])$/, (bits) => ofBits(Number(bits))],
  [/^(?:fp|float|f)\d{2,}$/, () => none("BF16, FP16 or FP32")],
]

const integers: ReadonlyArray<Spelling> = [
  [
    /^(?:int|i|s|sint|qint|signed|integer)(\d+)(?:sym|symmetric)?$/,
    (bits) => integer(Number(bits)),
  ],
  [/^(?:u|ui|uint|quint|unsigned|unsignedint)(\d+)$/, (bits) => unsigned(Number(bits))],
  [
    /^(?:int|i)(\d+)(?:asym|asymmetric)$/,
    (bits) => `it is UINT${bits} here, for activations; weights are symmetric about 0: INT${bits}`,
  ],
  [/^(?:fixed|fixedpoint|fx)(\d+)?$/, (bits = "8") => none(`INT${bits} with its scale`)],
  [/^(?:ternary|twn|b158|bit158|int158)$/, () => "it is INT2 here: -1, 0 and 1 under absmax"],
  [/^(?:binary|bnn|xnor|bool|bit|1bit)$/, () => integer(1)],
  [
    /^i?q(\d)(?:0|1|k|ks|km|kl|s|xs|xxs|nl)?$/,
    (bits) => none(`INT${bits} with formats.scale: { granularity: block, blockSize: 32 }`),
  ],
]

const others: ReadonlyArray<Spelling> = [
  [
    /^mxfp(\d)(e\dm\d)(?:fn)?$/,
    (bits, element = "") => is(bits === "4" ? "MXFP4" : `MXFP${bits}${element.toUpperCase()}`),
  ],
  [
    /^(?:mx|msfp|bfp|blockfloat|blockfp|sharedmicroexponents?)\d*$/,
    () => none("MXINT8, whose integers share an exponent in blocks"),
  ],
  [/^mxint\d+$/, () => none("MXINT8")],
  [/^(?:nvfp|nv)4e2m1(?:fn)?$/, () => is("NVFP4")],
  [/^nvfp\d+$/, () => none("MXFP8E4M3")],
  [
    /^(?:nf|af|normalfloat|abnormalfloat)[2-4]$/,
    () =>
      none("E2M1, four bits that lie denser near zero, or with scales of blocks MXFP4 or NVFP4"),
  ],
  [
    /^(?:posit|takum|unum|sorn)(32|16)?/,
    (bits) => none(bits === undefined ? "E4M3, or E3M4 for more precision near 1" : `FP${bits}`),
  ],
  [
    /^(?:log|lns|lognumber|pot|apot|pow2|poweroftwo)\d*$/,
    () => none("E4M0, or E3M0: floats without a mantissa"),
  ],
  [
    /^w(\d+)a(\d+)(?:g(\d+))?$/,
    (w, a, group) => {
      const pair = `{ weights: ${operand(Number(w))}, activations: ${operand(Number(a))} }`
      const scale = `, with scale: { granularity: { weights: block }, blockSize: ${group} }`
      return `it names two formats, of weights and of activations: ${pair}${group === undefined ? "" : scale}`
    },
  ],
]

const spellings = [...wide, ...integers, ...others, ...small]

/** What a name that is no format here means elsewhere; undefined where it means nothing. */
export const otherSpelling = (name: string): string | undefined => {
  const plain = name
    .trim()
    .toLowerCase()
    .replace(/^(?:torch|tf|jnp|jax|np|numpy|ml_dtypes|onnx|tensorproto|dtype|mlir)[.:]+/, "")
    .replaceAll(/[^\p{L}\p{N}]/gu, "")
  for (const [pattern, words] of spellings) {
    const groups = pattern.exec(plain)
    const found = groups === null ? undefined : words(...groups.slice(1))
    if (found !== undefined) return found
  }
  return undefined
}
