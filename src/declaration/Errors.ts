/**
 * Mistakes in a file that a person wrote: a message with file, line, column and path.
 *
 * Left out: how they are printed (`cli/`), and every rule about the contents of a file.
 */
import { Schema } from "effect"

/** One mistake in a declaration. `message` reads `what is wrong; what would be right`. */
export class DeclarationError extends Schema.TaggedError<DeclarationError>()("DeclarationError", {
  file: Schema.String,
  /** From 1. */
  line: Schema.Int,
  /** From 1, in UTF-16 code units as editors count. */
  column: Schema.Int,
  /** `network.2.conv.kernel`; empty for the whole file. */
  path: Schema.String,
  message: Schema.String,
  /** The flag that made the mistake, as it was typed: `--set train.steps=abc`. */
  flag: Schema.optionalKey(Schema.String),
}) {
  /** `file:line:column path: what is wrong; what would be right`, or `--set path=value: ...` */
  get text(): string {
    const { flag, message, path } = this
    if (flag !== undefined)
      return path === "" || namesPath(flag, path)
        ? `${flag}: ${message}`
        : `${flag}: ${path}: ${message}`
    const place = `${pathText(this.file)}:${this.line}:${this.column}`
    return path === "" ? `${place}: ${message}` : `${place} ${path}: ${message}`
  }

  get isRetryable(): boolean {
    return false
  }

  /** The same mistake at another place. */
  at({ column, file, flag, line }: Position): DeclarationError {
    const { message, path } = this
    return new DeclarationError({
      file,
      line,
      column,
      path,
      message,
      ...(flag === undefined ? {} : { flag }),
    })
  }

  /** The same mistake with another message. */
  saying(message: string): DeclarationError {
    const { column, file, flag, line, path } = this
    const place = { file, line, column, path, message }
    return new DeclarationError(flag === undefined ? place : { ...place, flag })
  }
}

/** Every mistake found in a declaration, in the order of the file. Never empty. */
export class DeclarationErrors extends Schema.TaggedError<DeclarationErrors>()(
  "DeclarationErrors",
  {
    errors: Schema.Array(DeclarationError),
  },
) {
  override get message(): string {
    return this.errors.map((error) => error.text).join("\n")
  }

  get isRetryable(): boolean {
    return false
  }
}

export type Path = ReadonlyArray<string | number>

/** A mistake by path alone, as returned by domain code, which knows no files; `locateAll` finds its place. */
export interface Problem {
  readonly path: Path
  /** Point at the key or at its value (default). */
  readonly at?: "key" | "value"
  /** `what is wrong; what would be right` */
  readonly message: string
  /** Warnings do not make a declaration invalid. Default `error`. */
  readonly severity?: "error" | "warning"
}

/** `search.uniform: what is wrong; what would be right`: a problem that no file can show. */
export const problemText = ({ message, path }: Problem): string =>
  path.length === 0 ? message : `${formatPath(path)}: ${message}`

/** The same problem, by its path from a block that holds the value the path starts from. */
export const within =
  (...block: Path) =>
  (problem: Problem): Problem => ({ ...problem, path: [...block, ...problem.path] })

/** All of several problems, each by its path from a block. */
export const allWithin =
  (...block: Path) =>
  (problems: ReadonlyArray<Problem>): ReadonlyArray<Problem> =>
    problems.map(within(...block))

export interface Position {
  readonly file: string
  readonly line: number
  readonly column: number
  /** The flag as typed, for a value that was given by a flag. */
  readonly flag?: string
}

/** Whether a flag already names the path: `--set a.b=1`, or `--set space.a.b=1` for a path into the space. */
const namesPath = (flag: string, path: string): boolean =>
  [` ${path}=`, ` space.${path}=`].some((start) => flag.slice(flag.indexOf(" ")).startsWith(start))

const plainKey = /^[\w$-]+$/

/** `network.2.conv.kernel`; keys with other characters are quoted: `matrix."reward.beta"`. */
export const formatPath = (path: Path): string =>
  path
    .map((key) => (typeof key === "number" || plainKey.test(key) ? String(key) : show(key)))
    .join(".")

// Characters that a terminal could interpret: control characters, line separators, direction marks.
const unsafe = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** A value as short JSON that is safe to print anywhere; at most `limit` characters. */
export const show = (value: unknown, limit = 60): string => {
  const bounded = typeof value === "string" && value.length > limit ? value.slice(0, limit) : value
  const json = JSON.stringify(bounded) ?? String(bounded)
  const safe = json.replace(
    unsafe,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
  return safe.length > limit || bounded !== value ? `${safe.slice(0, limit - 3)}...` : safe
}

/** Text on one line that is safe to print anywhere, without quotes around it. */
export const printable = (text: string, limit = 200): string => {
  const short = text.length > limit ? `${text.slice(0, limit - 3)}...` : text
  return show(short, Infinity)
    .slice(1, -1)
    .replaceAll(/\\(["\\])/g, "$1")
}

/** A path as it can be printed: whole and on one line. */
export const pathText = (path: string): string => printable(path, Infinity)

/** Problems with their places in the document, in the order of the file. */
export const locateAll = (
  document: { readonly locate: (path: Path, at?: "key" | "value") => Position },
  problems: ReadonlyArray<Problem>,
): ReadonlyArray<DeclarationError> => {
  const located = problems.map(
    ({ path, at, message }) =>
      new DeclarationError({ ...document.locate(path, at), path: formatPath(path), message }),
  )
  return inOrder(located)
}

export const inOrder = (errors: ReadonlyArray<DeclarationError>): ReadonlyArray<DeclarationError> =>
  [...errors].sort((a, b) => a.line - b.line || a.column - b.column)
