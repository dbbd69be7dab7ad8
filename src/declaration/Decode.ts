/**
 * A document -> a typed value by an Effect Schema, with all mistakes at once, each where the person made it.
 *
 * Effect gives a tree of issues; here it becomes short messages: unknown keys and words get "did you mean", of a union only the
 * branch that was meant is reported. Left out: rules that need the domain; they come in as `check` and return Problems.
 */
import { Effect, Exit, Schema, SchemaIssue } from "effect"
import type { Document } from "./Document.ts"
import { DeclarationError, DeclarationErrors, formatPath, inOrder, locateAll } from "./Errors.ts"
import type { Path, Problem } from "./Errors.ts"
import { problemsOf } from "./Issues.ts"

/** What is known of a document: the value if its shape is right, all mistakes, all warnings. */
export interface Inspection<A> {
  /** Present when there are no errors. */
  readonly value?: A
  readonly errors: ReadonlyArray<DeclarationError>
  readonly warnings: ReadonlyArray<DeclarationError>
}

/** Rules of the domain on a value of the right shape. */
export type Check<A> = (value: A) => ReadonlyArray<Problem>

const options = { errors: "all", onExcessProperty: "error", reportInput: true } as const

/** A schema that needs no services to decode. */
export type Decodable<A> = Schema.ConstraintDecoder<A>

const decodeUnknown = <A>(
  schema: Decodable<A>,
  value: unknown,
): { readonly value: A } | { readonly problems: ReadonlyArray<Problem> } => {
  const exit = Effect.runSyncExit(Schema.decodeUnknownEffect(schema, options)(value))
  if (Exit.isSuccess(exit)) return { value: exit.value }
  const failure = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
  if (!Schema.isSchemaError(failure) || !SchemaIssue.isIssue(failure.issue))
    throw new Error("A schema of a declaration failed with something that is no issue", {
      cause: exit.cause,
    })
  return { problems: problemsOf(failure.issue, value) }
}

/**
 * Decodes and checks a document without failing.
 *
 * When the shape has mistakes, the rules of the domain still see what is left without the wrong parts, if that has the right
 * shape: so a misspelt key does not hide a wrong pattern.
 */
export const inspect = <A>(
  schema: Decodable<A>,
  document: Document,
  check: Check<A> = () => [],
): Inspection<A> => {
  const decoded = decodeUnknown(schema, document.value)
  const problems = "problems" in decoded ? decoded.problems : []
  let left = "value" in decoded ? decoded : undefined
  if (left === undefined) {
    const rest = decodeUnknown(schema, without(document.value, problems))
    if ("value" in rest) left = rest
  }
  const found = left === undefined ? [] : check(left.value)
  const of = (severity: "error" | "warning") =>
    found.filter((problem) => (problem.severity ?? "error") === severity)
  const taken = new Set(problems.map((problem) => formatPath(problem.path)))
  const rules = of("error").filter((problem) => !taken.has(formatPath(problem.path)))
  // What could not be read as written was put down as something else: nothing more is said of that place.
  const unread = new Set(document.errors.map(placeOf))
  const errors = [
    ...document.errors,
    ...locateAll(document, [...problems, ...rules]).filter((error) => !unread.has(placeOf(error))),
  ]
  const warnings = locateAll(document, of("warning"))
  return errors.length === 0 && "value" in decoded
    ? { value: decoded.value, errors: [], warnings }
    : { errors: limited(inOrder(errors)), warnings }
}

/** Decodes a document; all its mistakes at once. Warnings of `check` are logged. */
export const decode = <A>(
  schema: Decodable<A>,
  document: Document,
  check?: Check<A>,
): Effect.Effect<A, DeclarationErrors> =>
  Effect.suspend(() => {
    const { value, errors, warnings } = inspect(schema, document, check)
    if (errors.length > 0 || value === undefined)
      return Effect.fail(new DeclarationErrors({ errors }))
    return Effect.as(
      Effect.forEach(warnings, (warning) => Effect.logWarning(warning.text), { discard: true }),
      value,
    )
  })

const placeOf = (error: DeclarationError) => `${error.line}:${error.column}`

const mostErrors = 200

const limited = (errors: ReadonlyArray<DeclarationError>): ReadonlyArray<DeclarationError> => {
  const last = errors[mostErrors - 1]
  if (errors.length <= mostErrors || last === undefined) return errors
  const more = new DeclarationError({
    file: last.file,
    line: last.line,
    column: last.column,
    path: "",
    message: `${errors.length - mostErrors + 1} more mistakes follow; mend these first`,
  })
  return [...errors.slice(0, mostErrors - 1), more]
}

/** A copy without the keys at the paths of problems. List items are kept (paths below them would shift). */
const without = (value: unknown, problems: ReadonlyArray<Problem>): unknown => {
  interface Cut {
    readonly below: Map<string, Cut>
    here: boolean
  }
  const root: Cut = { below: new Map(), here: false }
  for (const { path } of problems) {
    let cut = root
    for (const key of path) {
      let next = cut.below.get(String(key))
      if (next === undefined) cut.below.set(String(key), (next = { below: new Map(), here: false }))
      cut = next
    }
    cut.here = true
  }
  const copy = (part: unknown, cut: Cut): unknown => {
    if (Array.isArray(part))
      return part.map((item, i) => {
        const next = cut.below.get(String(i))
        return next === undefined ? item : copy(item, next)
      })
    if (typeof part !== "object" || part === null) return part
    return Object.fromEntries(
      Object.entries(part).flatMap(([key, item]) => {
        const next = cut.below.get(key)
        if (next === undefined) return [[key, item]]
        return next.here ? [] : [[key, copy(item, next)]]
      }),
    )
  }
  return copy(value, root)
}

/** The value at a path of plain JSON, or undefined. */
export const valueAt = (value: unknown, path: Path): unknown => {
  let here: unknown = value
  for (const key of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return undefined
    here = (here as Record<string | number, unknown>)[key]
  }
  return here
}
