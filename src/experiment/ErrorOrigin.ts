/**
 * Which change causes an error: the error is then reported at that change.
 *
 * `--set train.steps=10` makes a warm-up of 100 steps wrong that was right in the file. A change causes an error if the
 * error disappears without the change.
 */
import { Effect } from "effect"
import { type DeclarationError, formatPath, type Position } from "../declaration/Errors.ts"
import type { Override } from "./Overrides.ts"

type Errors = ReadonlyArray<DeclarationError>

/** Causes found so far, so that the same error under the same changes is not traced again: `path` and `message` -> changes. */
export type KnownOrigins = Map<string, ReadonlyArray<Override>>

const nameOf = ({ message, path }: DeclarationError): string => `${path} ${message}`

const isAt = (error: DeclarationError, place: Position): boolean =>
  error.flag === place.flag &&
  error.file === place.file &&
  error.line === place.line &&
  error.column === place.column

/** Whether an error is reported at one of these changes. */
export const standsAt = (error: DeclarationError, changes: ReadonlyArray<Override>): boolean =>
  changes.some(({ at }) => isAt(error, at.key) || isAt(error, at.value))

/** Whether the error says that the whole file cannot be read. */
const isUnread = ({ column, line, path }: DeclarationError): boolean =>
  path === "" && line === 1 && column === 1

const fileKeys = new Set(["space", "table", "assignment", "safetensors"])

/** An error inside another file is not caused by the change that names the file, unless that file cannot be read. */
const mayMake = ({ path, value }: Override, error: DeclarationError, file: string): boolean =>
  error.file === file ||
  isUnread(error) ||
  !(typeof value === "string" && fileKeys.has(String(path.at(-1))))

/** How to replace a whole block whose other keys belong to its old kind. */
const replacement = ({ at, path, value }: Override): string => {
  const block = formatPath(path.slice(0, -1))
  return at.value.flag !== undefined && path.length > 1 && path.at(-1) === "kind" && value !== null
    ? `; --set '${block}={ kind: ${String(value)} }' replaces the whole block`
    : ""
}

const errorAtChange = (
  error: DeclarationError,
  change: Override,
  file: string,
): DeclarationError => {
  const { message } = error
  const words = / has no key /.test(message)
    ? `${message}${replacement(change)}`
    : error.file !== file && isUnread(error)
      ? `${error.file}: ${message}`
      : message
  return error.saying(words).at(change.at.value)
}

/**
 * The errors under `changes`, each at the change that causes it. `errorsOf` returns the errors under fewer changes.
 *
 * If two changes cause an error together, it is reported at the later one. `file` is the file that is changed.
 */
export const errorsAtChanges = Effect.fnUntraced(function* <R>(
  errors: Errors,
  changes: ReadonlyArray<Override>,
  { file, known }: { readonly file: string; readonly known: KnownOrigins },
  errorsOf: (changes: ReadonlyArray<Override>) => Effect.Effect<Errors, never, R>,
) {
  const elsewhere = errors.filter((error) => !standsAt(error, changes))
  if (elsewhere.length === 0 || changes.length === 0) return errors
  const origins = new Map<DeclarationError, Override>()
  const open = elsewhere.filter((error) => {
    const before = known.get(nameOf(error))?.find((change) => changes.includes(change))
    if (before !== undefined) origins.set(error, before)
    return before === undefined
  })
  const own = open.length === 0 ? [] : yield* errorsOf([])
  const ofFile = new Set(own.map(nameOf))
  const left = new Set(open.filter((error) => !ofFile.has(nameOf(error))))
  const all = new Set(errors.map(nameOf))
  for (const change of changes.toReversed()) {
    if (left.size === 0) break
    const without = yield* errorsOf(changes.filter((other) => other !== change))
    const names = new Set(without.map(nameOf))
    // Without this change other errors hide the one that is traced.
    if ([...names].some((name) => !all.has(name))) continue
    for (const error of left)
      if (!names.has(nameOf(error)) && mayMake(change, error, file)) {
        origins.set(error, change)
        left.delete(error)
      }
  }
  // The file is right without changes, so every error comes from a change.
  if (own.length === 0)
    for (const error of left) {
      const last = changes.findLast((change) => mayMake(change, error, file))
      if (last !== undefined) origins.set(error, last)
    }
  for (const [error, change] of origins)
    known.set(nameOf(error), [...(known.get(nameOf(error)) ?? []), change])
  return errors.map((error) => {
    const origin = origins.get(error)
    return origin === undefined ? error : errorAtChange(error, origin, file)
  })
})
