/**
 * The nodes of a YAML text -> plain JSON with the place of every key and value. Every limit on nesting and aliases, and every
 * refusal of a key, a tag or a number, is here.
 *
 * Left out: text, tokens and syntax (`Document.ts`), the meaning of scalars (`Scalar.ts`).
 */
import { isAlias, isCollection, isMap, isPair, isScalar, type Node, type ParsedNode } from "yaml"
import { DeclarationError, DeclarationErrors, formatPath, show } from "./Errors.ts"
import type { Path, Position } from "./Errors.ts"
import { scalarValue } from "./Scalar.ts"

/** Of the YAML lexer: about 14 000 lines of `key: value`. Keeps every file under a second and 200 MB. */
export const maxTokens = 100_000
export const maxDepth = 50
export const maxAliasExpansions = 1_000

/** Where a key and its value stand, and what is under it. */
interface Place {
  readonly key: number
  readonly value: number
  readonly children?: Map<string, Place>
}

export const depthMessage = `nested more than ${maxDepth} levels deep; write it flatter`

const coreTags = new Set(
  ["map", "seq", "str", "null", "bool", "int", "float"].map((name) => `tag:yaml.org,2002:${name}`),
)
const forbiddenKeys = new Set(["__proto__", "constructor", "prototype"])

/** Nodes -> JSON. Aliases are written out, within limits; every node is visited once for each time it is written out. */
export const convert = (
  root: ParsedNode,
  position: (offset: number) => Position,
):
  | { readonly value: unknown; readonly place: Place; readonly errors: Array<DeclarationError> }
  | DeclarationErrors => {
  const errors: Array<DeclarationError> = []
  const anchors = new Map<string, Node>()
  const open = new Set<Node>()
  let expansions = 0
  let nodes = 0
  const make = (offset: number, path: Path, message: string) =>
    new DeclarationError({ ...position(offset), path: formatPath(path), message })
  const note = (offset: number, path: Path, message: string) => {
    if (errors.length < 100) errors.push(make(offset, path, message))
  }

  const visit = (
    node: Node | null,
    path: Path,
    keyOffset: number,
  ): { readonly value: unknown; readonly place: Place } => {
    const offset = node?.range?.[0] ?? keyOffset
    const leaf = (value: unknown) => ({ value, place: { key: keyOffset, value: offset } })
    if (node === null) return leaf(null)
    if (path.length > maxDepth) throw make(offset, path, depthMessage)
    if (isAlias(node)) {
      const target = anchors.get(node.source)
      if (target === undefined) {
        note(offset, path, `no anchor &${node.source} stands above; write the value itself`)
        return leaf(null)
      }
      if (open.has(target)) {
        note(offset, path, `*${node.source} contains itself; write the value itself`)
        return leaf(null)
      }
      if (++expansions > maxAliasExpansions)
        throw make(
          offset,
          path,
          `aliases are written out more than ${maxAliasExpansions} times; write fewer`,
        )
      return visit(target, path, keyOffset)
    }
    if (++nodes > maxTokens)
      throw make(offset, path, "with its aliases written out the file is too large; use fewer")
    if (node.anchor !== undefined) anchors.set(node.anchor, node)
    if (node.tag !== undefined && !coreTags.has(node.tag) && node.tag !== "!")
      note(offset, path, `the tag ${show(node.tag)} is not known here; remove it`)
    if (isScalar(node)) {
      const { value, problem } = scalarValue(node)
      if (problem !== undefined) note(offset, path, problem)
      return leaf(value)
    }
    if (!isCollection(node)) return leaf(null)
    open.add(node)
    const children = new Map<string, Place>()
    const place: Place = { key: keyOffset, value: offset, children }
    let value: unknown
    if (isMap(node)) {
      const object: Record<string, unknown> = {}
      for (const pair of node.items) {
        const keyNode = pair.key as Node | null
        const at = keyNode?.range?.[0] ?? offset
        if (!isScalar(keyNode)) {
          note(at, path, "a key must be plain text; write `key: value`")
          continue
        }
        const key = keyNode.type === "PLAIN" ? (keyNode.source ?? "") : String(keyNode.value)
        if (keyNode.anchor !== undefined) anchors.set(keyNode.anchor, keyNode)
        const here = [...path, key]
        if (key === "") note(at, path, "a key is empty; write `key: value`")
        else if (key === "<<" && keyNode.type === "PLAIN")
          note(at, here, "merge keys are not part of YAML 1.2; write the keys out")
        else if (forbiddenKeys.has(key)) note(at, here, "this key is not allowed; choose another")
        else if (children.has(key))
          note(
            at,
            here,
            `the key ${show(key)} stands twice, first on line ${position(children.get(key)!.key).line}; keep one`,
          )
        else {
          const child = visit(pair.value as Node | null, here, at)
          object[key] = child.value
          children.set(key, child.place)
        }
      }
      value = object
    } else {
      value = node.items.map((item, i) => {
        const child = visit(isPair(item) ? null : (item as Node), [...path, i], offset)
        children.set(String(i), { ...child.place, key: child.place.value })
        return child.value
      })
    }
    open.delete(node)
    return { value, place }
  }

  try {
    return { ...visit(root, [], root.range[0]), errors }
  } catch (error) {
    if (error instanceof DeclarationError) return new DeclarationErrors({ errors: [error] })
    throw error
  }
}
