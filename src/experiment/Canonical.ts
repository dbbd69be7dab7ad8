/**
 * Canonical JSON (RFC 8785) and the ids made from it.
 */
import { createHash } from "node:crypto"

/**
 * JSON with one spelling for each value: keys sorted by UTF-16 code units, no spaces, numbers as ECMAScript writes them.
 * Keys whose value is undefined are left out. Throws on values that JSON does not have: that is a defect of the caller.
 */
export const canonicalJson = (value: unknown): string => {
  if (value === null || typeof value === "boolean" || typeof value === "string")
    return JSON.stringify(value)
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new Error(`${value} has no JSON`)
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`
  if (typeof value !== "object") throw new Error(`a ${typeof value} has no JSON`)
  // The default order of `sort` is that of UTF-16 code units.
  const keys = Object.keys(value).sort()
  const entries = keys.flatMap((key) => {
    const item = (value as Record<string, unknown>)[key]
    return item === undefined ? [] : [`${JSON.stringify(key)}:${canonicalJson(item)}`]
  })
  return `{${entries.join(",")}}`
}

/** The first 16 hex digits of the SHA-256 of a value's canonical JSON. */
export const idOf = (value: unknown): string =>
  createHash("sha256").update(canonicalJson(value), "utf8").digest("hex").slice(0, 16)
