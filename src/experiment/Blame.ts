/**
 * Whose mistake it is: an error that a change makes somewhere else in the file is told at the change.
 *
 * `--set train.steps=10` makes a warm-up of 100 steps wrong, which was right in the file. A change is to blame for an error
 * that is not there without it.
 */
import { Effect } from "effect"
import { type DeclarationError, formatPath, type Position } from "../declaration/Errors.ts"
import type { Override } from "./Overrides.ts"

type Errors = ReadonlyArray<DeclarationError>

/** Errors with the same changes again are not read again: `path` and `message` of an error, and the change to blame. */
export type Blamed = Map<string, ReadonlyArray<Override>>

const nameOf = ({ message, path }: DeclarationError): string => `${path} ${message}`

const isAt = (error: DeclarationError, place: Position): boolean =>
  error.flag === place.flag &&
  error.file === place.file &&
  error.line === place.line &&
  error.column === place.column

/** Whether an error is told at one of these changes. */
export const standsAt = (error: DeclarationError, changes: ReadonlyArray<Override>): boolean =>
  changes.some(({ at }) => isAt(error, at.key) || isAt(error, at.value))

/** A file that could not be read at all. */
const isUnread = ({ column, line, path }: DeclarationError): boolean =>
  path === "" && line === 1 && column === 1

const fileKeys = new Set(["space", "table", "assignment", "safetensors"])

/** A mistake in another file is its own, and not that of the change that names the file; but for a file that is not there. */
const mayMake = ({ path, value }: Override, error: DeclarationError, file: string): boolean =>
  error.file === file ||
  isUnread(error) ||
  !(typeof value === "string" && fileKeys.has(String(path.at(-1))))

/** How a block is replaced whose other keys are of its old kind. */
const replacement = ({ at, path, value }: Override): string => {
  const block = formatPath(path.slice(0, -1))
  return at.value.flag !== undefined && path.length > 1 && path.at(-1) === "kind" && value !== null
    ? `; --set '${block}={ kind: ${String(value)} }' replaces the whole block`
    : ""
}

const told = (error: DeclarationError, change: Override, file: string): DeclarationError => {
  const { message } = error
  const words = / has no key /.test(message)
    ? `${message}${replacement(change)}`
    : error.file !== file && isUnread(error)
      ? `${error.file}: ${message}`
      : message
  return error.saying(words).at(change.at.value)
}

/**
 * The errors of a reading under `changes`, each at the place of the change that makes it; `errorsOf` reads under fewer.
 *
 * Where two changes make one error together, the later one is told. `file` is what the changes are of.
 */
export const blame = Effect.fnUntraced(function* <R>(
  errors: Errors,
  changes: ReadonlyArray<Override>,
  { file, known }: { readonly file: string; readonly known: Blamed },
  errorsOf: (changes: ReadonlyArray<Override>) => Effect.Effect<Errors, never, R>,
) {
  const elsewhere = errors.filter((error) => !standsAt(error, changes))
  if (elsewhere.length === 0 || changes.length === 0) return errors
  const culprits = new Map<DeclarationError, Override>()
  const open = elsewhere.filter((error) => {
    const before = known.get(nameOf(error))?.find((change) => changes.includes(change))
    if (before !== undefined) culprits.set(error, before)
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
    // Without what the file needs other errors hide this one.
    if ([...names].some((name) => !all.has(name))) continue
    for (const error of left)
      if (!names.has(nameOf(error)) && mayMake(change, error, file)) {
        culprits.set(error, change)
        left.delete(error)
      }
  }
  // The file alone is right: whatever it is, it comes from the changes.
  if (own.length === 0)
    for (const error of left) {
      const last = changes.findLast((change) => mayMake(change, error, file))
      if (last !== undefined) culprits.set(error, last)
    }
  for (const [error, change] of culprits)
    known.set(nameOf(error), [...(known.get(nameOf(error)) ?? []), change])
  return errors.map((error) => {
    const culprit = culprits.get(error)
    return culprit === undefined ? error : told(error, culprit, file)
  })
})
