/**
 * Problems of shape: what a decoder found at a place, as messages. Left out: how an issue of Effect is translated
 * (`Issues.ts`).
 */
import type { SchemaAST } from "effect"
import { type Path, type Problem, show } from "./Errors.ts"
import { meant, oneOf } from "./Suggest.ts"

/** A problem of shape, with what `Recover.ts` needs to correct it. */
export interface ShapeProblem extends Problem {
  /** The key is missing; not reported if an unknown key beside it means this key. */
  readonly missing?: true
  /** The key is unknown; `meant` is the key that it probably means. */
  readonly unknown?: { readonly meant: string | undefined }
  /** The item is already in its list. */
  readonly repeat?: true
  /** Words that would be right. */
  readonly words?: ReadonlyArray<string>
}

/** Where we are while walking down the issues. */
export interface Here {
  readonly path: Path
  readonly input: unknown
  /** The schema at this place, when an issue named one. */
  readonly ast: SchemaAST.AST | undefined
}

export const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const mismatch = (here: Here, expected: string): ShapeProblem => ({
  path: here.path,
  message: `got ${shape(here.input)}; ${expected} would be right`,
})

const nested = (item: unknown): boolean => typeof item === "object" && item !== null

/** What was written; long or nested values are shortened. */
export const shape = (value: unknown): string => {
  if (Array.isArray(value))
    return value.some(nested) || value.length > 8 ? `a list of ${value.length}` : show(value)
  if (!isMapping(value)) return show(value)
  const keys = Object.keys(value)
  return keys.length === 0
    ? "{}"
    : `{ ${keys
        .slice(0, 5)
        .map((key) => show(key).slice(1, -1))
        .join(", ")}${keys.length > 5 ? ", ..." : ""} }`
}

export const unknownWord = (
  path: Path,
  given: unknown,
  words: ReadonlyArray<string>,
  other?: string,
): ShapeProblem => {
  const near = typeof given === "string" ? meant(given, words) : undefined
  return wrongWord(path, given, words, other ?? near ?? `${oneOf(words)} would be right`)
}

export const wrongWord = (
  path: Path,
  given: unknown,
  words: ReadonlyArray<string> | undefined,
  right: string,
): ShapeProblem => ({
  path,
  ...(words === undefined ? {} : { words }),
  message: `got ${show(given)}; ${right}`,
})

const at = (path: Path): string => JSON.stringify(path)

/** A missing key that a misspelt one beside it means, and the same message twice, are one mistake. */
export const withoutRepeats = (found: ReadonlyArray<ShapeProblem>): ReadonlyArray<ShapeProblem> => {
  const meant = new Set(
    found.flatMap(({ path, unknown }) =>
      unknown?.meant === undefined ? [] : [at([...path.slice(0, -1), unknown.meant])],
    ),
  )
  const seen = new Set<string>()
  return found.filter(({ path, message, missing }) => {
    const line = `${at(path)} ${message}`
    if (seen.has(line) || (missing === true && meant.has(at(path)))) return false
    seen.add(line)
    return true
  })
}
