/**
 * YAML text -> a plain JSON value, with the place of every key and value. Input that could crash, hang or mislead the program
 * is refused: limits are checked on bytes, then on tokens, then on nesting, before nodes are made.
 *
 * Mistakes that leave the rest of the file readable (a duplicate key, a number too large) are kept in `errors`, so that
 * `Decode` can report them beside its own. Left out: every rule about what the file should say.
 */
import { Effect, FileSystem } from "effect"
import { Composer, type CST, isScalar, Lexer, Parser } from "yaml"
import { DeclarationError, DeclarationErrors, inOrder, show } from "./Errors.ts"
import type { Path, Position } from "./Errors.ts"
import { convert, depthMessage, maxDepth, maxTokens } from "./Nodes.ts"
import { suggest } from "./Suggest.ts"

export interface Document {
  readonly file: string
  readonly text: string
  /** Plain JSON: a mapping or a list at the top. */
  readonly value: unknown
  /** Mistakes that left the rest readable. `decode` fails while there are any. */
  readonly errors: ReadonlyArray<DeclarationError>
  /** Where the key or the value (default) at a path stands, or the nearest ancestor that is in the file. */
  readonly locate: (path: Path, at?: "key" | "value") => Position
}

export const maxBytes = 1_048_576

/** Reads a file. Refuses a directory, pipe or device, and never reads more than `maxBytes`. */
export const read = Effect.fn("Document.read")(function* (
  file: string,
): Effect.fn.Return<Document, DeclarationErrors, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const refuse = (message: string) => refuseWhole(file, message)
  const info = yield* fs
    .stat(file)
    .pipe(
      Effect.catch((error) =>
        Effect.flatMap(neighbour(fs, file), (near) =>
          refuse(
            error.reason._tag === "NotFound"
              ? `no such file; ${near === undefined ? "give the path of a YAML file" : `did you mean ${near}?`}`
              : "the file cannot be looked at; make it readable",
          ),
        ),
      ),
    )
  if (info.type !== "File")
    return yield* refuse("this is not a regular file; give the path of a YAML file")
  if (Number(info.size) > maxBytes) return yield* refuse(tooLarge)
  const bytes = yield* fs
    .readFile(file)
    .pipe(Effect.catch(() => refuse("the file cannot be read; make it readable")))
  return yield* parseBytes(file, bytes)
})

/** As `read`, for bytes in memory. */
export const parseBytes = (
  file: string,
  bytes: Uint8Array,
): Effect.Effect<Document, DeclarationErrors> => {
  if (bytes.length > maxBytes) return refuseWhole(file, tooLarge)
  const text = new TextDecoder("utf-8").decode(bytes)
  // The text written back first differs from the bytes where they were not UTF-8.
  const again = new TextEncoder().encode(text)
  const skipped = bytes.length - again.length === 3 && bytes[0] === 0xef ? 3 : 0
  for (let i = 0; i < bytes.length - skipped; i++)
    if (bytes[i + skipped] !== again[i])
      return Effect.fail(
        errorAt(
          file,
          text,
          new TextDecoder("utf-8").decode(again.subarray(0, i)).length,
          "this byte is not UTF-8; save the file as UTF-8",
        ),
      )
  return parse(file, text)
}

/** Text -> document; fails on what makes the whole text unreadable. */
export const parse = (file: string, text: string): Effect.Effect<Document, DeclarationErrors> =>
  Effect.suspend(() => {
    const result = parseText(file, text.startsWith("\ufeff") ? text.slice(1) : text)
    return result instanceof DeclarationErrors ? Effect.fail(result) : Effect.succeed(result)
  })

const tooLarge = "the file is larger than 1 MB; split it, or move long tables elsewhere"

const refuseWhole = (file: string, message: string): Effect.Effect<never, DeclarationErrors> =>
  Effect.fail(errorAt(file, "", 0, message))

const neighbour = (fs: FileSystem.FileSystem, file: string): Effect.Effect<string | undefined> => {
  const slash = file.lastIndexOf("/")
  const folder = slash < 0 ? "." : file.slice(0, slash + 1)
  return fs.readDirectory(folder).pipe(
    Effect.map((names) => suggest(file.slice(slash + 1), names.slice(0, 1000))),
    Effect.map((name) => (name === undefined ? undefined : file.slice(0, slash + 1) + name)),
    Effect.orElseSucceed(() => undefined),
  )
}

/** Offsets where lines begin. */
const lineStartsOf = (text: string): ReadonlyArray<number> => {
  const starts = [0]
  for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) starts.push(i + 1)
  return starts
}

const positionAt = (file: string, lineStarts: ReadonlyArray<number>, offset: number): Position => {
  let low = 0
  let high = lineStarts.length
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (lineStarts[middle]! <= offset) low = middle
    else high = middle
  }
  return { file, line: low + 1, column: offset - lineStarts[low]! + 1 }
}

const errorAt = (file: string, text: string, offset: number, message: string): DeclarationErrors =>
  new DeclarationErrors({
    errors: [
      new DeclarationError({ ...positionAt(file, lineStartsOf(text), offset), path: "", message }),
    ],
  })

const parseText = (file: string, text: string): Document | DeclarationErrors => {
  const lineStarts = lineStartsOf(text)
  const fail = (offset: number, message: string) =>
    new DeclarationErrors({
      errors: [
        new DeclarationError({ ...positionAt(file, lineStarts, offset), path: "", message }),
      ],
    })
  // UTF-16 units are never more than the bytes of UTF-8.
  if (text.length > maxBytes) return fail(0, tooLarge)
  const nul = text.indexOf("\0")
  if (nul >= 0) return fail(nul, "there is a NUL character here; remove it")
  if (tokensExceed(text))
    return fail(0, "the file has too many parts (about 14 000 lines is the most); split it")

  const tokens = [...new Parser().parse(text)]
  const deep = tooDeep(tokens)
  if (deep !== undefined) return fail(deep, depthMessage)
  const documents = withoutStackTraces(() => compose(tokens, text.length))
  const errors = documents.flatMap((document) => document.errors)
  if (errors.length > 0) {
    // One mistake causes many: only the first of each line is reported, and of few lines.
    const found = new Map<number, DeclarationError>()
    for (const error of errors) {
      const position = positionAt(file, lineStarts, Math.min(error.pos[0], text.length))
      if (!found.has(position.line) && found.size < 10)
        found.set(
          position.line,
          new DeclarationError({ ...position, path: "", message: syntaxMessage(error) }),
        )
    }
    return new DeclarationErrors({ errors: inOrder([...found.values()]) })
  }
  const second = documents[1]
  if (second !== undefined)
    return fail(second.range[0], "a second document begins here; keep one document in a file")
  const root = documents[0]?.contents
  if (root === null || root === undefined || (isScalar(root) && root.source === ""))
    return fail(0, "the file is empty; write keys and values")
  if (isScalar(root))
    return fail(root.range[0], `the whole file is ${show(root.source)}; write keys and values`)

  const conversion = convert(root, (offset) => positionAt(file, lineStarts, offset))
  if (conversion instanceof DeclarationErrors) return conversion
  const { value, place, errors: kept } = conversion
  return {
    file,
    text,
    value,
    errors: inOrder(kept),
    locate: (path, at = "value") => {
      let here = place
      let offset = here.value
      for (const [i, key] of path.entries()) {
        const next = here.children?.get(String(key))
        if (next === undefined) break
        here = next
        offset = at === "key" && i === path.length - 1 ? next.key : next.value
      }
      return positionAt(file, lineStarts, offset)
    },
  }
}

const compose = (tokens: ReadonlyArray<CST.Token>, end: number) => {
  // The failsafe schema keeps scalars as text, so that no number is rounded before it is checked. `uniqueKeys` is quadratic: see `convert`.
  const composer = new Composer({
    schema: "failsafe",
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  })
  return [...composer.compose(tokens, true, end)]
}

/** A file of a megabyte can hold half a million mistakes, and each error would keep a stack of the parser. */
const withoutStackTraces = <A>(run: () => A): A => {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return run()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

const tokensExceed = (text: string): boolean => {
  let count = 0
  for (const _ of new Lexer().lex(text)) if (++count > maxTokens) return true
  return false
}

/** The offset of the first collection nested too deep, without recursion. */
const tooDeep = (tokens: ReadonlyArray<unknown>): number | undefined => {
  const stack: Array<readonly [unknown, number]> = tokens.map((token) => [token, 0])
  while (stack.length > 0) {
    const [token, depth] = stack.pop()!
    if (typeof token !== "object" || token === null) continue
    const { items, offset } = token as { items?: ReadonlyArray<object>; offset: number }
    const here = items === undefined ? depth : depth + 1
    if (here > maxDepth) return offset
    if ("value" in token) stack.push([token.value, here])
    for (const item of items ?? [])
      for (const part of ["key", "value"] as const)
        if (part in item) stack.push([(item as Record<string, unknown>)[part], here])
  }
  return undefined
}

const syntaxMessages: Record<string, string> = {
  TAB_AS_INDENT: "a tab cannot indent; use spaces",
  BAD_INDENT: "this line is indented wrongly; align it with its neighbours",
  BAD_ALIAS: "this alias has no name; write *name",
  MULTIPLE_DOCS: "a second document begins here; keep one document in a file",
  MISSING_CHAR: "a character is missing here",
}

const syntaxMessage = (error: { readonly code: string; readonly message: string }): string => {
  const known = error.code === "MISSING_CHAR" ? undefined : syntaxMessages[error.code]
  if (known !== undefined) return known
  const said = error.message.split("\n")[0]!
  return `${said.charAt(0).toLowerCase()}${said.slice(1)}; fix the YAML here`
}
