/**
 * A resolved trial as flat parameters, the form trackers and tables know; and what differs between two trials.
 */
import { formatPath } from "../declaration/Errors.ts"
import { isPair, pairText } from "../format/Pair.ts"
import { canonicalJson } from "./Canonical.ts"

/** A number without exponent, the shortest that reads back as the same float64: `0.0005`, `0.0000001`. */
export const plainDecimal = (value: number): string => {
  const text = String(value)
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (match === null) return text
  const [, sign = "", head = "", tail = "", power = "0"] = match
  const digits = head + tail
  const point = 1 + Number(power)
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`
  if (point >= digits.length) return sign + digits.padEnd(point, "0")
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

const word = (value: unknown): string =>
  typeof value === "number"
    ? plainDecimal(value)
    : typeof value === "string"
      ? value
      : Array.isArray(value) && value.every((item) => typeof item !== "object" || item === null)
        ? value.map(word).join(",")
        : value === null || typeof value === "boolean"
          ? String(value)
          : canonicalJson(value)

/** `search.kind`, `reward.cost.target.times`, ... with plain decimals; lists are joined with commas, a pair of formats is one text. */
export const flatten = (value: unknown, prefix = ""): Readonly<Record<string, string>> => {
  if (isPair(value)) return { [prefix]: pairText(value) }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return prefix === "" ? {} : { [prefix]: word(value) }
  const flat: Record<string, string> = {}
  for (const [key, item] of Object.entries(value))
    if (item !== undefined)
      Object.assign(flat, flatten(item, prefix === "" ? key : `${prefix}.${key}`))
  return flat
}

const branches = (value: unknown): boolean => typeof value === "object" && value !== null

export interface Difference {
  readonly path: string
  /** Undefined where the trial has no such key. */
  readonly a: unknown
  readonly b: unknown
}

/** The keys at which two plain JSON values differ, deepest first named: what to tell when an id is not the expected one. */
export const differences = (a: unknown, b: unknown): ReadonlyArray<Difference> => {
  const found: Array<Difference> = []
  const walk = (x: unknown, y: unknown, path: ReadonlyArray<string | number>) => {
    if (branches(x) && branches(y) && Array.isArray(x) === Array.isArray(y)) {
      const list = Array.isArray(x)
      const keys = new Set([...Object.keys(x as object), ...Object.keys(y as object)])
      for (const key of keys)
        walk((x as Record<string, unknown>)[key], (y as Record<string, unknown>)[key], [
          ...path,
          list ? Number(key) : key,
        ])
    } else if (
      !(x === y || (x !== undefined && y !== undefined && canonicalJson(x) === canonicalJson(y)))
    )
      found.push({ path: formatPath(path), a: x, b: y })
  }
  walk(a, b, [])
  return found
}
