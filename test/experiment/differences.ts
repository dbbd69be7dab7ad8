/** Where two plain JSON values differ: what to say when an id is not the expected one. */
import { formatPath } from "../../src/declaration/Errors.ts"
import { canonicalJson } from "../../src/experiment/Canonical.ts"

const branches = (value: unknown): boolean => typeof value === "object" && value !== null

export interface Difference {
  readonly path: string
  /** Undefined where the trial has no such key. */
  readonly a: unknown
  readonly b: unknown
}

/** The keys at which they differ, deepest first. */
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
