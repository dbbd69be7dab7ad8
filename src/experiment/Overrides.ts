/**
 * Changes to a declaration by path: `--set path=value` and the cells of a matrix.
 *
 * A path is written with dots (`reward.cost.target.times`, `space.network.2.basic.filters`); under `space.` it leads into the
 * space file. Each change remembers where it was written, so that a mistake it makes is told there.
 */
import { Effect, Result } from "effect"
import type { Document } from "../declaration/Document.ts"
import { parse } from "../declaration/Document.ts"
import { DeclarationError } from "../declaration/Errors.ts"
import type { Path, Position } from "../declaration/Errors.ts"

export interface Override {
  readonly path: Path
  readonly value: unknown
  /** Where its path and its value were written. */
  readonly at: { readonly key: Position; readonly value: Position }
}

/** `network.2.conv` -> ["network", 2, "conv"]; undefined when a part is empty. */
export const parsePath = (text: string): Path | undefined => {
  const parts = text.split(".")
  return parts.some((part) => part === "")
    ? undefined
    : parts.map((part) => (/^(?:0|[1-9]\d{0,8})$/.test(part) ? Number(part) : part))
}

const forbidden = new Set(["__proto__", "constructor", "prototype"])

/**
 * A copy of plain JSON with the value at `path` replaced; mappings on the way are made where there are none.
 *
 * A list is never lengthened: undefined when the path leads past its end or into something that has no keys.
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
  // A number written where a mapping is now wanted (`target: 0.42` and `target.times`) gives way to it.
  const object =
    typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
  const item = assign(Object.hasOwn(object, key) ? object[key] : undefined, rest, replacement)
  return item === undefined ? undefined : { ...object, [key]: item }
}

/** `path=value` as given to `--set`; the value is YAML, a scalar or in flow style. `index` counts the flags from 1. */
export const parseSet = (
  text: string,
  index: number,
): Result.Result<Override, DeclarationError> => {
  const at = (column: number): Position => ({ file: "--set", line: index, column })
  const refuse = (column: number, message: string) =>
    Result.fail(new DeclarationError({ ...at(column), path: "", message }))
  const equals = text.indexOf("=")
  if (equals <= 0)
    return refuse(1, "there is no path=value here; write for example train.steps=100")
  const path = parsePath(text.slice(0, equals).trim())
  if (path === undefined)
    return refuse(1, "a part of the path is empty; write keys with single dots between them")
  const source = text.slice(equals + 1)
  // A document must be a mapping or a list: the value stands as its only item.
  const parsed = Effect.runSync(Effect.result(parse("--set", `- ${source.replaceAll("\n", " ")}`)))
  const problem = Result.isFailure(parsed) ? parsed.failure.errors[0] : parsed.success.errors[0]
  if (problem !== undefined)
    return refuse(equals + Math.max(problem.column, 3) - 1, problem.message)
  const list = (Result.getOrThrow(parsed) as Document).value as ReadonlyArray<unknown>
  return Result.succeed({ path, value: list[0], at: { key: at(1), value: at(equals + 2) } })
}

/** A document with changes applied; places under a change are those of the change. */
export const apply = (
  document: Document,
  overrides: ReadonlyArray<Override>,
): { readonly document: Document; readonly errors: ReadonlyArray<DeclarationError> } => {
  const errors: Array<DeclarationError> = []
  const applied: Array<Override> = []
  let value = document.value
  for (const override of overrides) {
    const next = assign(value, override.path, override.value)
    if (next === undefined || override.path.length > 50) {
      errors.push(
        new DeclarationError({
          ...override.at.key,
          path: override.path.join("."),
          message: "the path leads nowhere; list items count from 0 and cannot be added",
        }),
      )
      continue
    }
    value = next
    applied.push(override)
  }
  const locate: Document["locate"] = (path, where = "value") => {
    // The last change wins, as it did for the value.
    const change = applied.findLast((override) => {
      const shared = Math.min(override.path.length, path.length)
      const agrees = override.path
        .slice(0, shared)
        .every((key, i) => String(key) === String(path[i]))
      // Above the change: only if the document itself does not reach so far.
      return agrees && (path.length >= override.path.length || !reaches(document.value, path))
    })
    if (change === undefined) return document.locate(path, where)
    const exact = path.length === change.path.length && where === "value"
    return path.length > change.path.length || exact ? change.at.value : change.at.key
  }
  return { document: applied.length === 0 ? document : { ...document, value, locate }, errors }
}

const reaches = (value: unknown, path: Path): boolean => {
  let here = value
  for (const key of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return false
    here = (here as Record<string | number, unknown>)[key]
  }
  return true
}
