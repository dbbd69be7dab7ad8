/**
 * Effect's tree of issues -> Problems in the words of these files.
 *
 * Of a union with several failed members only one is reported: Effect narrows by type and by literal `kind`; among the
 * remaining mappings, it is the one that knows most of the written keys.
 */
import type { SchemaAST, SchemaIssue } from "effect"
import type { Path } from "./Errors.ts"
import { show } from "./Errors.ts"
import {
  type ShapeProblem,
  type Here,
  isMapping,
  mismatch,
  shape,
  unknownWord,
  withoutRepeats,
  wrongWord,
} from "./ShapeProblem.ts"
import {
  countWords,
  describe,
  keysOf,
  keyWords,
  kindOf,
  lengthOf,
  literalsOf,
  mappingsOf,
  requires,
  sharedLiteralKey,
} from "./Describe.ts"
import { otherKeyOf, otherNameOf } from "./OtherNames.ts"
import { didYouMean, oneOf, suggest } from "./Suggest.ts"

/** Problems of an issue of decoding `root`; never empty. */
export const problemsOf = (issue: SchemaIssue.Issue, root: unknown): ReadonlyArray<ShapeProblem> =>
  withoutRepeats(translate(issue, { path: [], input: root, ast: undefined }))

const translate = (issue: SchemaIssue.Issue, here: Here): ReadonlyArray<ShapeProblem> => {
  switch (issue._tag) {
    case "Pointer":
      return translate(issue.issue, {
        path: [...here.path, ...(issue.path as ReadonlyArray<string | number>)],
        input: issue.path.reduce<unknown>(
          (value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key],
          here.input,
        ),
        ast: here.ast,
      })
    case "Encoding":
      return translate(issue.issue, here)
    case "Composite":
      return issue.issues.flatMap((inner) => translate(inner, { ...here, ast: issue.ast }))
    case "Filter":
      return filterProblems(issue, here)
    case "AnyOf":
      return unionProblems(issue, here)
    case "UnexpectedKey":
      return [unexpected(here, issue.ast)]
    case "MissingKey": {
      const key = String(here.path.at(-1))
      const expected = here.ast === undefined ? undefined : describeKey(here.ast, key)
      return [
        {
          path: here.path,
          missing: true,
          message: `the key ${key} is missing; add ${key}: ${expected ?? "its value"}`,
        },
      ]
    }
    case "InvalidType":
      return [mismatch(here, describe(issue.ast))]
    case "InvalidValue":
      return [{ path: here.path, message: issue.annotations?.message ?? `got ${show(here.input)}` }]
    case "Forbidden":
    case "OneOf":
      return [mismatch(here, "something else")]
  }
}

const describeKey = (ast: SchemaAST.AST, key: string): string | undefined => {
  const property =
    ast._tag === "Objects"
      ? ast.propertySignatures.find((signature) => signature.name === key)
      : undefined
  return property === undefined ? undefined : `<${describe(property.type)}>`
}

const unexpected = (here: Here, ast: SchemaAST.AST): ShapeProblem => {
  const length = lengthOf(ast)
  if (length !== undefined)
    return {
      path: here.path,
      message: `one value too many; a list of ${length} values would be right`,
    }
  const words = keyWords(ast)
  if (words === undefined) return unknownKey(here, keysOf(ast), ast)
  return {
    path: here.path,
    at: "key",
    unknown: { meant: undefined },
    message: `the key ${show(here.path.at(-1))} does not fit; ${words} would be right`,
  }
}

/** Names that other tools give to the key `kind`. */
const kindKeys = new Set(["type", "name", "method", "algorithm", "class", "kinds"])

const unknownKey = (here: Here, keys: ReadonlyArray<string>, ast?: SchemaAST.AST): ShapeProblem => {
  const key = String(here.path.at(-1))
  const other =
    otherKeyOf(ast, key) ??
    (kindKeys.has(key) && keys.includes("kind") ? "it is kind here" : undefined)
  return {
    path: here.path,
    at: "key",
    unknown: { meant: other === undefined ? suggest(key, keys) : undefined },
    message: `unknown key ${show(key)}; ${keys.length === 0 ? "no key belongs here" : (other ?? didYouMean(key, keys))}`,
  }
}

const filterProblems = (
  issue: Extract<SchemaIssue.Issue, { _tag: "Filter" }>,
  here: Here,
): ReadonlyArray<ShapeProblem> => {
  const inner = issue.issue
  // A check of our own that reports the problem itself, perhaps at a deeper path.
  if (inner._tag !== "InvalidValue" || inner.annotations?.message !== undefined)
    return translate(inner, here)
  const message = issue.filter.annotations?.message
  if (typeof message === "string") return [{ path: here.path, message }]
  if (isUnique(issue.filter) && Array.isArray(here.input)) return repeats(here, here.input)
  const { ast } = here
  const expected =
    ast === undefined
      ? issue.filter.annotations?.expected
      : ast._tag !== "Objects"
        ? describe(ast)
        : (countWords(ast) ?? issue.filter.annotations?.expected)
  return [mismatch(here, typeof expected === "string" ? expected : "another value")]
}

const isUnique = (filter: { readonly annotations?: object | undefined }): boolean =>
  (filter.annotations as { readonly representation?: { readonly id?: string } } | undefined)
    ?.representation?.id === "effect/schema/isUnique"

/** Every item that is already in the list. */
const repeats = (here: Here, list: ReadonlyArray<unknown>): ReadonlyArray<ShapeProblem> => {
  const first = new Map<string, number>()
  return list.flatMap((item, i) => {
    const text = JSON.stringify(item)
    const before = first.get(text)
    if (before === undefined) first.set(text, i)
    return before === undefined
      ? []
      : [
          {
            path: [...here.path, i],
            repeat: true as const,
            message: `${shape(item)} appears twice; keep one`,
          },
        ]
  })
}

const unionProblems = (
  issue: Extract<SchemaIssue.Issue, { _tag: "AnyOf" }>,
  here: Here,
): ReadonlyArray<ShapeProblem> => {
  const mappings = mappingsOf(issue.ast)
  if (typeof here.input === "string") {
    const problem = wordProblem(issue.ast, here, mappings)
    if (problem !== undefined) return [problem]
  }
  if (isMapping(here.input)) {
    const kind = sharedLiteralKey(mappings)
    if (kind !== undefined) {
      const path = [...here.path, kind.key]
      const given = here.input[kind.key]
      if (given !== undefined && !kind.literals.includes(String(given)))
        return [unknownWord(path, given, kind.literals, otherNameOf(issue.ast, given))]
      // The member of that kind, or the one that does not require its kind.
      const meant = issue.issues.find(
        (inner) =>
          inner._tag === "Composite" &&
          (given === undefined
            ? !requires(inner.ast, kind.key)
            : kindOf(inner.ast, kind.key) === String(given)),
      )
      if (meant !== undefined)
        return translate(meant, here).map((found) => ofOtherKind(found, here, kind.key, mappings))
      if (given === undefined) return [missingKind(path, here.input, kind, mappings)]
    }
    if (issue.issues.length > 1) {
      const written = Object.keys(here.input)
      const scored = issue.issues.map((inner) => {
        const keys = inner._tag === "Composite" ? keysOf(inner.ast) : []
        return { inner, known: written.filter((key) => keys.includes(key)).length }
      })
      const best = scored.reduce((a, b) => (b.known > a.known ? b : a))
      if (best.known > 0) return translate(best.inner, here)
      const all = [...new Set(mappings.flatMap(keysOf))]
      if (written.length > 0)
        return written.map((key) => unknownKey({ ...here, path: [...here.path, key] }, all))
      return [{ path: here.path, message: `this has no value; ${oneOf(all)} would be right` }]
    }
  }
  if (issue.issues.length > 0) {
    // Members of one type: report the one with the fewest problems.
    const each = issue.issues.map((inner) => translate(inner, here))
    const deepest = (found: ReadonlyArray<ShapeProblem>) =>
      Math.max(...found.map((f) => f.path.length))
    const best = each.reduce((a, b) => (deepest(b) > deepest(a) ? b : a))
    if (each.length === 1 || deepest(best) > here.path.length) return best
  }
  const words = literalsOf(issue.ast)
  if (words !== undefined) return [unknownWord(here.path, here.input, words)]
  return [mismatch(here, describe(issue.ast))]
}

/** A word in place of a block of that kind, or a word that has another name here. */
const wordProblem = (
  ast: SchemaAST.AST,
  here: Here,
  mappings: ReadonlyArray<SchemaAST.AST>,
): ShapeProblem | undefined => {
  const kind = sharedLiteralKey(mappings)
  const word = String(here.input)
  if (kind?.literals.includes(word) === true) return mismatch(here, `{ ${kind.key}: ${word} }`)
  const other = otherNameOf(ast, word)
  if (other === undefined) return undefined
  const written = kind === undefined ? "" : `, in a block: { ${kind.key}: ... }`
  return wrongWord(here.path, word, literalsOf(ast), `${other}${written}`)
}

/** The kind is missing and there is no default: of the kinds, those that know all written keys are proposed. */
const missingKind = (
  path: Path,
  written: Readonly<Record<string, unknown>>,
  { key, literals }: { readonly key: string; readonly literals: ReadonlyArray<string> },
  mappings: ReadonlyArray<SchemaAST.AST>,
): ShapeProblem => {
  const knowing = literals.filter((_, i) => {
    const known = keysOf(mappings[i]!)
    return Object.keys(written).every((name) => known.includes(name))
  })
  const words = knowing.length === 0 ? literals : knowing
  return {
    path,
    missing: true,
    words: literals,
    message: `the key ${key} is missing; add ${key}: ${oneOf(words)}`,
  }
}

/** A key that another kind knows is not misspelt: the block probably has the wrong kind. */
const ofOtherKind = (
  found: ShapeProblem,
  here: Here,
  kind: string,
  mappings: ReadonlyArray<SchemaAST.AST>,
): ShapeProblem => {
  const key = String(found.path.at(-1))
  if (found.unknown === undefined || found.path.length !== here.path.length + 1) return found
  const owners = mappings.flatMap((mapping) =>
    keysOf(mapping).includes(key) ? [kindOf(mapping, kind)!] : [],
  )
  if (owners.length === 0) return found
  const own = mappings.find((mapping) =>
    isMapping(here.input) && here.input[kind] !== undefined
      ? kindOf(mapping, kind) === String(here.input[kind])
      : !requires(mapping, kind),
  )
  const name = own === undefined ? "this kind" : `${kind} ${kindOf(own, kind)}`
  return {
    ...found,
    unknown: { meant: undefined },
    message: `${name} has no key ${key}; ${kind}: ${oneOf(owners)} has it`,
  }
}
