/**
 * A resolved trial as flat parameters, the form that trackers and tables take.
 */
import { isPair, pairText } from "../format/Pair.ts"
import { canonicalJson } from "./Canonical.ts"

/** A number without exponent, in the fewest digits that read back as the same float64: `0.0005`, `0.0000001`. */
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

/** `search.kind`, `reward.cost.target.times`, ... with plain decimals; lists are joined by commas, a pair of formats is one text. */
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
