/**
 * A schema in a few words, for the second half of a message: "an integer from 1 to 7", "relu or relu6".
 *
 * The words follow from the encoded side of the schema and the `expected` annotations of its checks.
 */
import { SchemaAST } from "effect"
import { wordsFor } from "./Field.ts"
import { oneOf } from "./Suggest.ts"

type AST = SchemaAST.AST

/** The encoded side: what is written in the file. */
const encoded = (ast: AST): AST => {
  const side = SchemaAST.toEncoded(ast)
  return side._tag === "Suspend" ? encoded(side.thunk()) : side
}

/** The keys a mapping may have. */
export const keysOf = (ast: AST): ReadonlyArray<string> => {
  const side = encoded(ast)
  if (side._tag === "Objects")
    return side.propertySignatures.map((property) => String(property.name))
  return side._tag === "Union" ? mappingsOf(side).flatMap(keysOf) : []
}

/** What the keys of a mapping of free keys must be. */
export const keyWords = (ast: AST): string | undefined => {
  const side = encoded(ast)
  const signature = side._tag === "Objects" ? side.indexSignatures[0] : undefined
  return signature === undefined ? undefined : describe(signature.parameter)
}

/** How many items a list of fixed length has. */
export const lengthOf = (ast: AST): number | undefined => {
  const side = encoded(ast)
  return side._tag === "Arrays" && side.rest.length === 0 ? side.elements.length : undefined
}

/** The members of a union that are mappings; nested unions are flattened. */
export const mappingsOf = (ast: AST): ReadonlyArray<AST> => {
  const side = encoded(ast)
  if (side._tag === "Union") return side.types.flatMap((type) => mappingsOf(type))
  return side._tag === "Objects" && side.propertySignatures.length > 0 ? [side] : []
}

/** The literals of a union that has no other members. */
export const literalsOf = (ast: AST): ReadonlyArray<string> | undefined => {
  const side = encoded(ast)
  if (side._tag === "Literal") return [String(side.literal)]
  if (side._tag !== "Union") return undefined
  const each = side.types.map(literalsOf)
  return each.every((words) => words !== undefined) ? each.flat() : undefined
}

const propertyOf = (ast: AST, key: string) => {
  const side = encoded(ast)
  return side._tag === "Objects"
    ? side.propertySignatures.find((signature) => signature.name === key)
    : undefined
}

/** Whether a mapping must have a key. */
export const requires = (ast: AST, key: string): boolean => {
  const property = propertyOf(ast, key)
  return property !== undefined && !SchemaAST.isOptional(property.type)
}

/** The only word that a mapping accepts at a key. */
export const kindOf = (ast: AST, key: string): string | undefined => {
  const property = propertyOf(ast, key)
  const words = property === undefined ? undefined : literalsOf(property.type)
  return words?.length === 1 ? words[0] : undefined
}

/** The key that distinguishes all these mappings, and its words. */
export const sharedLiteralKey = (
  mappings: ReadonlyArray<AST>,
): { readonly key: string; readonly literals: ReadonlyArray<string> } | undefined => {
  if (mappings.length < 2) return undefined
  for (const key of keysOf(mappings[0]!)) {
    const words = mappings.map((mapping) => kindOf(mapping, key))
    if (new Set(words).size === mappings.length && words.every((word) => word !== undefined))
      return { key, literals: words }
  }
  return undefined
}

const anything = "another value"

/** A short description of what would be right. */
export const describe = (ast: AST): string => {
  const side = encoded(ast)
  const own = wordsFor(side)
  if (own !== undefined) return own
  switch (side._tag) {
    case "String":
      return withChecks(ast, "text")
    case "Number":
      return withChecks(ast, "a number")
    case "Boolean":
      return "true or false"
    case "Null":
      return "null"
    case "Literal":
      return String(side.literal)
    case "Arrays":
      return withChecks(ast, "a list") + itemWords(side)
    case "Objects":
      return mappingWords(side)
    case "Union": {
      const words = literalsOf(side)
      if (words !== undefined) return oneOf(words)
      const kind = sharedLiteralKey(mappingsOf(side))
      if (kind !== undefined && side.types.length === kind.literals.length)
        return `{ ${kind.key}: ${oneOf(kind.literals)}, ... }`
      return oneOf([...new Set(side.types.map(describe))])
    }
    default:
      return anything
  }
}

/** Of a mapping that must have exactly or at least one of its keys. */
export const countWords = (ast: AST): string | undefined => {
  const names = new Set(
    (ast.checks ?? []).map(
      (check) =>
        (check.annotations?.["representation"] as { readonly id?: string } | undefined)?.id,
    ),
  )
  if (!names.has("effect/schema/isMinProperties")) return undefined
  return `${names.has("effect/schema/isMaxProperties") ? "exactly" : "at least"} one of ${oneOf(keysOf(ast))}`
}

const itemWords = (ast: Extract<AST, { _tag: "Arrays" }>): string => {
  const item = ast.rest[0]
  if (item === undefined) return ` of ${ast.elements.length} values`
  const words = describe(item)
  return words.length > 60 || words === anything ? "" : `, each ${words}`
}

const mappingWords = (ast: Extract<AST, { _tag: "Objects" }>): string => {
  const keys = ast.propertySignatures.map((property) => String(property.name))
  if (keys.length === 0) return "a mapping"
  const required = keys.filter((key) => requires(ast, key))
  const shown = [...required, ...keys.filter((key) => !required.includes(key))].slice(0, 3)
  const words = `{ ${shown.join(", ")}${keys.length > 3 ? ", ..." : ""} }`
  return required.length === 0 && keys.length === 1 ? `{}, or ${words},` : words
}

/** `a number` and its checks: integer first, then bounds, then the rest as Effect words them. */
const withChecks = (ast: AST, noun: string): string => {
  const checks = flatChecks(SchemaAST.toType(ast).checks ?? encoded(ast).checks ?? [])
  let words = noun
  let rest = ""
  for (const { expected, integer } of checks) {
    if (integer) words = "an integer"
    // Words of our own that name the whole thing, not a property of it.
    else if (expected !== undefined && /^(an? |up to |\d)/.test(expected)) words = expected
    else if (expected !== undefined) rest += ` ${expected}`
  }
  return words + rest
}

const flatChecks = (
  checks: ReadonlyArray<SchemaAST.Check<never>>,
): ReadonlyArray<{ readonly expected: string | undefined; readonly integer: boolean }> =>
  checks.flatMap((check) => {
    const expected = check.annotations?.["expected"]
    if (check._tag === "FilterGroup" && typeof expected !== "string")
      return flatChecks(check.checks)
    const words = typeof expected === "string" ? expected : undefined
    return [
      {
        integer: words === "an integer",
        expected:
          words === "a finite number" || words === "<filter>"
            ? undefined
            : words
                ?.replace(/^an? (?:value|string) /, "")
                .replace(/with a length of (at least|at most) 1$/, "with $1 1 entry")
                .replace(/with a length of (at least|at most) (\d+)$/, "with $1 $2 entries")
                .replace(/^an array with unique items$/, "without repeats"),
      },
    ]
  })
