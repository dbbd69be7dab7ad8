/**
 * The scalars of YAML 1.2's core schema, as JSON values. Numbers that float64 cannot hold are refused, never rounded.
 */
import { show } from "./Errors.ts"

interface Scalar {
  readonly type?: string | undefined
  readonly tag?: string | undefined
  readonly source?: string | undefined
  readonly value: unknown
}

interface Judged {
  readonly value: null | boolean | number | string
  readonly problem?: string
}

const decimal = /^[-+]?[0-9]+$/
const based = /^0(?:o[0-7]+|x[0-9a-fA-F]+)$/
const real = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/
const infinite = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/

/** Quoted and block scalars are text; plain scalars follow the core schema. */
export const scalarValue = (scalar: Scalar): Judged => {
  const text = String(scalar.value ?? "")
  const tag = scalar.tag?.replace("tag:yaml.org,2002:", "")
  if (tag === "str" || tag === "!") return { value: text }
  const explicit = tag === "int" || tag === "float" || tag === "bool" || tag === "null"
  if (scalar.type !== "PLAIN" && !explicit) return { value: text }
  const judged = plainValue(text)
  if (explicit && judged.problem === undefined && !isOf(tag, judged.value))
    return {
      value: text,
      problem: `${show(text)} is not what its tag !!${tag} says; remove the tag`,
    }
  return judged
}

const isOf = (tag: string, value: Judged["value"]): boolean =>
  tag === "null"
    ? value === null
    : tag === "bool"
      ? typeof value === "boolean"
      : typeof value === "number" && (tag === "float" || Number.isInteger(value))

const plainValue = (text: string): Judged => {
  if (/^(?:|~|null|Null|NULL)$/.test(text)) return { value: null }
  if (/^(?:true|True|TRUE)$/.test(text)) return { value: true }
  if (/^(?:false|False|FALSE)$/.test(text)) return { value: false }
  if (infinite.test(text))
    return { value: 0, problem: `${text} is not a usable number; write a finite number` }
  const integer = decimal.test(text) || based.test(text)
  if (!integer && !real.test(text)) return { value: text }
  const value = Number(based.test(text) ? text : text.replace(/^\+/, ""))
  if (!Number.isFinite(value))
    return { value: 0, problem: `${show(text, 30)} is too large a number; write a smaller one` }
  // Past 2^53 a written integer must be exactly the float64 it becomes. Long ones overflowed above (309 digits).
  if (integer && !Number.isSafeInteger(value) && BigInt(text.replace(/^\+/, "")) !== BigInt(value))
    return {
      value,
      problem: `${show(text, 30)} cannot be held exactly; write an integer up to 9007199254740991, or quote it`,
    }
  return { value }
}
