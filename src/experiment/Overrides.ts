/**
 * Changes to a declaration by path: `--set path=value` and the cells of a matrix.
 *
 * A path is written with dots (`reward.cost.target.times`, `space.network.2.basic.filters`); under `space.` it leads into the
 * space file. The value null unsets a key. Each change records where it was written, so that an error it causes is reported
 * there. Left out: changes without effect (`Shadows.ts`, `SettingsWithoutEffect.ts`).
 */
import { Effect, Result } from "effect"
import type { Document } from "../declaration/Document.ts"
import { parse } from "../declaration/Document.ts"
import { DeclarationError, formatPath, printable } from "../declaration/Errors.ts"
import type { Path, Position } from "../declaration/Errors.ts"
import { valueAt } from "../declaration/Decode.ts"

export interface Override {
  readonly path: Path
  /** null unsets the key. */
  readonly value: unknown
  /** For a change of a cell: where its value is in the experiment, `matrix.seed.0` or `include.1.train.steps`. */
  readonly origin?: Path
  /** Where its path and its value were written. */
  readonly at: { readonly key: Position; readonly value: Position }
}

const isIndex = (part: string): boolean => /^(?:0|[1-9]\d{0,8})$/.test(part)

/** `network.2.conv` -> ["network", 2, "conv"]; `matrix."a.b"` -> ["matrix", "a.b"]; undefined when a part is empty. */
export const parsePath = (text: string): Path | undefined => {
  const parts: Array<string | number> = []
  const part = /"((?:[^"\\]|\\.)*)"|([^."]+)/y
  for (let at = 0; ; at = part.lastIndex + 1) {
    part.lastIndex = at
    const [, quoted, plain] = part.exec(text) ?? []
    const key = quoted === undefined ? plain : unquoted(quoted)
    if (key === undefined || key === "") return undefined
    parts.push(quoted === undefined && isIndex(key) ? Number(key) : key)
    if (part.lastIndex === text.length) return parts
    if (text[part.lastIndex] !== ".") return undefined
  }
}

const unquoted = (text: string): string | undefined => {
  try {
    return JSON.parse(`"${text}"`) as string
  } catch {
    return undefined
  }
}

/** The keys of `matrix` are paths themselves: `matrix.train.steps=[1, 2]` is the list for `train.steps`. */
const ofMatrix = (path: Path, value: unknown): Path => {
  const [first, ...rest] = path
  if (first !== "matrix" || rest.length < 2) return path
  const item = Array.isArray(value) || value === null ? undefined : rest.at(-1)
  return typeof item === "number"
    ? [first, rest.slice(0, -1).join("."), item]
    : [first, rest.join(".")]
}

const forbidden = new Set(["__proto__", "constructor", "prototype"])

/**
 * A copy of plain JSON with the value at `path` replaced; missing mappings on the way are made.
 *
 * A list is never lengthened: undefined if the path leads past its end or into a value that has no keys.
 */
export const assign = (value: unknown, path: Path, replacement: unknown): unknown => {
  const [key, ...rest] = path
  if (key === undefined) return replacement
  if (forbidden.has(String(key))) return undefined
  if (Array.isArray(value)) {
    if (typeof key !== "number" || key >= value.length) return undefined
    const item = assign(value[key], rest, replacement)
    return item === undefined ? undefined : value.with(key, item)
  }
  // A number gives way to a mapping that is set in its place (`target: 0.42` and `target.times`).
  const object =
    typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
  const item = assign(Object.hasOwn(object, key) ? object[key] : undefined, rest, replacement)
  return item === undefined ? undefined : { ...object, [key]: item }
}

/** A copy of plain JSON without the key at `path`, unchanged if there is none; undefined for an item of a list. */
const unset = (value: unknown, path: Path): unknown => {
  const [key, ...rest] = path
  if (key === undefined || typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) {
    if (rest.length === 0 || typeof key !== "number" || key >= value.length) return undefined
    const item = unset(value[key], rest)
    return item === undefined ? undefined : value.with(key, item)
  }
  const { [key]: item, ...others } = value as Record<string | number, unknown>
  if (item === undefined || rest.length === 0) return others
  const less = unset(item, rest)
  return less === undefined ? undefined : { ...value, [key]: less }
}

/** Parses `path=value` as given to `--set`; the value is YAML, a scalar or in flow style. `index` counts the flags from 1. */
export const parseSet = (
  text: string,
  index: number,
): Result.Result<Override, DeclarationError> => {
  const flag = `--set ${printable(text)}`
  const at = (column: number): Position => ({ file: "--set", line: index, column, flag })
  const refuse = (column: number, message: string) =>
    Result.fail(new DeclarationError({ ...at(column), path: "", message }))
  const equals = text.indexOf("=")
  if (equals <= 0)
    return refuse(1, "there is no path=value here; write for example train.steps=100")
  const path = parsePath(text.slice(0, equals).trim())
  if (path === undefined)
    return refuse(
      1,
      "the path has an empty part or a lone quote; write keys with single dots between",
    )
  const source = text.slice(equals + 1)
  if (source.trim() === "")
    return refuse(
      equals + 1,
      `there is no value after =; ${formatPath(path)}=null unsets the key, and ${formatPath(path)}='""' is an empty text`,
    )
  // A document must be a mapping or a list, so the value is parsed as the only item of a list.
  const parsed = Effect.runSync(Effect.result(parse("--set", `- ${source.replaceAll("\n", " ")}`)))
  const problem = Result.isFailure(parsed) ? parsed.failure.errors[0] : parsed.success.errors[0]
  if (problem !== undefined) {
    const character = Math.max(problem.column, 3) - 2
    const where = Result.isFailure(parsed) ? `at character ${character} of the value: ` : ""
    return refuse(equals + character + 1, `${where}${problem.message}`)
  }
  const [value] = (Result.getOrThrow(parsed) as Document).value as ReadonlyArray<unknown>
  return Result.succeed({
    path: ofMatrix(path, value),
    value,
    at: { key: at(1), value: at(equals + 2) },
  })
}

/** All `--set` of a command line: those that can be parsed, and the errors of the others. */
export const parseSets = (
  texts: ReadonlyArray<string>,
): {
  readonly changes: ReadonlyArray<Override>
  readonly errors: ReadonlyArray<DeclarationError>
} => {
  const results = texts.map((text, i) => parseSet(text, i + 1))
  return {
    changes: results.flatMap((result) => (Result.isSuccess(result) ? [result.success] : [])),
    errors: results.flatMap((result) => (Result.isFailure(result) ? [result.failure] : [])),
  }
}

const changed = (value: unknown, { path, value: replacement }: Override): unknown =>
  path.length > 50
    ? undefined
    : replacement === null
      ? unset(value, path)
      : assign(value, path, replacement)

/** A document with changes applied; a place under a change is that of the change. */
export const apply = (
  document: Document,
  overrides: ReadonlyArray<Override>,
): { readonly document: Document; readonly errors: ReadonlyArray<DeclarationError> } => {
  const errors: Array<DeclarationError> = []
  const applied: Array<Override> = []
  let value = document.value
  for (const override of overrides) {
    const next = changed(value, override)
    if (next === undefined) {
      errors.push(
        new DeclarationError({
          ...override.at.key,
          path: formatPath(override.path),
          message:
            override.value === null && valueAt(value, override.path) !== undefined
              ? "an item of a list cannot be unset; set the list without it"
              : "the path leads nowhere; list items count from 0 and cannot be added",
        }),
      )
      continue
    }
    value = next
    applied.push(override)
  }
  const locate: Document["locate"] = (path, where = "value") => {
    // The place of a missing key is the mapping that lacks it.
    const there = path.slice(0, reach(value, path))
    const isUnset = applied.some((change) => change.value === null && same(change.path, path))
    const place = isUnset || reach(document.value, path) >= there.length ? path : there
    // The last change wins, as it did for the value.
    const change = applied.findLast((override) => {
      const shared = Math.min(override.path.length, place.length)
      return (
        same(override.path.slice(0, shared), place.slice(0, shared)) &&
        // A path above the change: only if the document itself does not reach so far.
        (place.length >= override.path.length || reach(document.value, place) < place.length)
      )
    })
    if (change === undefined) return document.locate(path, where)
    const exact = place.length === change.path.length && where === "value"
    return place.length > change.path.length || exact ? change.at.value : change.at.key
  }
  return { document: applied.length === 0 ? document : { ...document, value, locate }, errors }
}

const same = (a: Path, b: Path): boolean =>
  a.length === b.length && a.every((key, i) => String(key) === String(b[i]))

/** How many keys of a path exist. */
const reach = (value: unknown, path: Path): number => {
  let here = value
  for (const [i, key] of path.entries()) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return i
    here = (here as Record<string | number, unknown>)[key]
  }
  return path.length
}

/** Whether a change of an experiment leads into its space. */
export const intoSpace = ({ path }: Override): boolean => path[0] === "space" && path.length > 1

/** A change of an experiment that leads into its space, as a change of the space. */
export const withinSpace = (change: Override): Override => ({
  ...change,
  path: change.path.slice(1),
})

/** Errors of a changed document for keys that changes unset: the message says that a required key cannot be unset. */
export const unsetErrors = (
  errors: ReadonlyArray<DeclarationError>,
  changes: ReadonlyArray<Override>,
): ReadonlyArray<DeclarationError> => {
  const paths = new Set(
    changes.filter(({ value }) => value === null).map(({ path }) => formatPath(path)),
  )
  return errors.map((error) =>
    paths.has(error.path)
      ? error.saying(
          `${error.path} is required and cannot be unset${/;.*$/su.exec(error.message)?.[0] ?? ""}`,
        )
      : error,
  )
}
