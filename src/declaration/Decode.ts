/**
 * A document -> a typed value by an Effect Schema. All mistakes are reported at once, each where it was written.
 *
 * Effect gives a tree of issues; here it becomes short messages. Unknown keys and words get "did you mean"; of a union only
 * the branch that was meant is reported. Left out: rules that need the domain; they come in as `check` and return Problems.
 */
import { Effect, Exit, Result, Schema, SchemaIssue } from "effect"
import type { Document } from "./Document.ts"
import { DeclarationError, DeclarationErrors, formatPath, inOrder, locateAll } from "./Errors.ts"
import type { Path, Problem } from "./Errors.ts"
import type { ShapeProblem } from "./ShapeProblem.ts"
import { problemsOf } from "./Issues.ts"
import { checkRecovered } from "./Recover.ts"

/** The result of decoding a document: the value if its shape is right, all mistakes, all warnings. */
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
): Result.Result<A, ReadonlyArray<ShapeProblem>> => {
  const exit = Effect.runSyncExit(Schema.decodeUnknownEffect(schema, options)(value))
  if (Exit.isSuccess(exit)) return Result.succeed(exit.value)
  const failure = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
  if (!Schema.isSchemaError(failure) || !SchemaIssue.isIssue(failure.issue))
    throw new Error("A schema of a declaration failed with something that is no issue", {
      cause: exit.cause,
    })
  return Result.fail(problemsOf(failure.issue, value))
}

/**
 * Decodes and checks a document without failing.
 *
 * If the shape has mistakes, the rules of the domain are applied to what was probably meant, so that a misspelt key does not
 * hide a wrong pattern.
 */
export const inspect = <A>(
  schema: Decodable<A>,
  document: Document,
  check: Check<A> = () => [],
): Inspection<A> => {
  const decoded = decodeUnknown(schema, document.value)
  const problems = Result.isFailure(decoded) ? decoded.failure : []
  const found = Result.isSuccess(decoded)
    ? check(decoded.success)
    : document.text.length > mostRecovered
      ? []
      : checkRecovered((value) => decodeUnknown(schema, value), document.value, problems, check)
  const of = (severity: "error" | "warning") =>
    found.filter((problem) => (problem.severity ?? "error") === severity)
  // A place that could not be read as written holds another value, so no further mistakes are reported there.
  const unread = new Set(document.errors.map(placeOf))
  const errors = [
    ...document.errors,
    ...locateAll(document, [...problems, ...of("error")]).filter(
      (error) => !unread.has(placeOf(error)),
    ),
  ]
  const warnings = locateAll(document, of("warning"))
  return errors.length === 0 && Result.isSuccess(decoded)
    ? { value: decoded.success, errors: [], warnings }
    : { errors: limited(inOrder(errors)), warnings }
}

/** Why a key does not belong at a path of plain JSON; undefined if it does. */
export const unknownKeyAt = <A>(
  schema: Decodable<A>,
  value: unknown,
  path: Path,
): string | undefined => {
  const decoded = decodeUnknown(schema, value)
  if (Result.isSuccess(decoded)) return undefined
  const place = formatPath(path)
  return decoded.failure.find(
    (problem) => problem.unknown !== undefined && place.startsWith(formatPath(problem.path)),
  )?.message
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
/** Recovery decodes a few dozen times: for files that people write, not for megabytes. */
const mostRecovered = 100_000

const limited = (errors: ReadonlyArray<DeclarationError>): ReadonlyArray<DeclarationError> => {
  const last = errors[mostErrors - 1]
  if (errors.length <= mostErrors || last === undefined) return errors
  const more = new DeclarationError({
    file: last.file,
    line: last.line,
    column: last.column,
    path: "",
    message: `${errors.length - mostErrors + 1} more mistakes follow; fix these first`,
  })
  return [...errors.slice(0, mostErrors - 1), more]
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
