/**
 * The nodes of a YAML text -> plain JSON with the place of every key and value. Every limit on nesting and aliases, and every
 * refusal of a key, a tag or a number, is here.
 *
 * Left out: text, tokens and syntax (`Document.ts`), the meaning of scalars (`Scalar.ts`).
 */
import {
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  type Node,
  type ParsedNode,
  type YAMLMap,
} from "yaml"
import { DeclarationError, DeclarationErrors, formatPath, show } from "./Errors.ts"
import type { Path, Position } from "./Errors.ts"
import { scalarValue } from "./Scalar.ts"

/** Tokens of the YAML lexer, about 14 000 lines of `key: value`. Keeps every file under a second and 200 MB. */
export const maxTokens = 100_000
export const maxDepth = 50
export const maxAliasExpansions = 1_000

/** The places of a key and its value, and what is under the value. */
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

/** A value and its place. */
interface Visited {
  readonly value: unknown
  readonly place: Place
}

/** The state while the nodes of one text are visited. */
interface Walk {
  readonly position: (offset: number) => Position
  readonly errors: Array<DeclarationError>
  readonly anchors: Map<string, Node>
  /** The nodes around the one that is visited. */
  readonly open: Set<Node>
  expansions: number
  nodes: number
}

const errorAt = ({ position }: Walk, offset: number, path: Path, message: string) =>
  new DeclarationError({ ...position(offset), path: formatPath(path), message })

const mostErrors = 100

const note = (walk: Walk, offset: number, path: Path, message: string): void => {
  if (walk.errors.length < mostErrors) walk.errors.push(errorAt(walk, offset, path, message))
}

/** Nodes -> JSON. Aliases are expanded, within limits; a node is visited once for each expansion. */
export const convert = (
  root: ParsedNode,
  position: (offset: number) => Position,
): (Visited & { readonly errors: Array<DeclarationError> }) | DeclarationErrors => {
  const walk: Walk = {
    position,
    errors: [],
    anchors: new Map(),
    open: new Set(),
    expansions: 0,
    nodes: 0,
  }
  try {
    return { ...visit(walk, root, [], root.range[0]), errors: walk.errors }
  } catch (error) {
    if (error instanceof DeclarationError) return new DeclarationErrors({ errors: [error] })
    throw error
  }
}

/** Throws a DeclarationError where the text is past a limit. */
const visit = (walk: Walk, node: Node | null, path: Path, keyOffset: number): Visited => {
  const offset = node?.range?.[0] ?? keyOffset
  const leaf = (value: unknown) => ({ value, place: { key: keyOffset, value: offset } })
  if (node === null) return leaf(null)
  if (path.length > maxDepth) throw errorAt(walk, offset, path, depthMessage)
  if (isAlias(node)) {
    const target = targetOf(walk, node.source, offset, path)
    return target === undefined ? leaf(null) : visit(walk, target, path, keyOffset)
  }
  if (++walk.nodes > maxTokens)
    throw errorAt(
      walk,
      offset,
      path,
      "with its aliases written out the file is too large; use fewer",
    )
  if (node.anchor !== undefined) walk.anchors.set(node.anchor, node)
  if (node.tag !== undefined && !coreTags.has(node.tag) && node.tag !== "!")
    note(walk, offset, path, `the tag ${show(node.tag)} is not known here; remove it`)
  if (isScalar(node)) {
    const { value, problem } = scalarValue(node)
    if (problem !== undefined) note(walk, offset, path, problem)
    return leaf(value)
  }
  if (!isCollection(node)) return leaf(null)
  walk.open.add(node)
  const children = new Map<string, Place>()
  const value = isMap(node)
    ? visitMap(walk, node, path, offset, children)
    : node.items.map((item, i) => {
        const child = visit(walk, isPair(item) ? null : (item as Node), [...path, i], offset)
        children.set(String(i), { ...child.place, key: child.place.value })
        return child.value
      })
  walk.open.delete(node)
  return { value, place: { key: keyOffset, value: offset, children } }
}

/** The node that an alias refers to; undefined if there is none. */
const targetOf = (walk: Walk, source: string, offset: number, path: Path): Node | undefined => {
  const target = walk.anchors.get(source)
  if (target === undefined) {
    note(walk, offset, path, `no anchor &${source} is defined above; write the value itself`)
    return undefined
  }
  if (walk.open.has(target)) {
    note(walk, offset, path, `*${source} contains itself; write the value itself`)
    return undefined
  }
  if (++walk.expansions > maxAliasExpansions)
    throw errorAt(
      walk,
      offset,
      path,
      `aliases are written out more than ${maxAliasExpansions} times; write fewer`,
    )
  return target
}

/** Why a key cannot be used; undefined if it can. */
const keyProblem = (
  walk: Walk,
  key: string,
  isPlain: boolean,
  first: Place | undefined,
): string | undefined => {
  if (key === "<<" && isPlain)
    return "merge keys are not part of YAML 1.2; write the keys out, or give a whole value an anchor under definitions: and take it by an alias"
  if (forbiddenKeys.has(key)) return "this key is not allowed; choose another"
  return first === undefined
    ? undefined
    : `the key ${show(key)} appears twice, first on line ${walk.position(first.key).line}; keep one`
}

const visitMap = (
  walk: Walk,
  node: YAMLMap,
  path: Path,
  offset: number,
  children: Map<string, Place>,
): Record<string, unknown> => {
  const object: Record<string, unknown> = {}
  for (const pair of node.items) {
    const keyNode = pair.key as Node | null
    const at = keyNode?.range?.[0] ?? offset
    if (!isScalar(keyNode)) {
      note(walk, at, path, "a key must be plain text; write `key: value`")
      continue
    }
    const isPlain = keyNode.type === "PLAIN"
    const key = isPlain ? (keyNode.source ?? "") : String(keyNode.value)
    if (keyNode.anchor !== undefined) walk.anchors.set(keyNode.anchor, keyNode)
    if (key === "") {
      note(walk, at, path, "a key is empty; write `key: value`")
      continue
    }
    const here = [...path, key]
    const problem = keyProblem(walk, key, isPlain, children.get(key))
    if (problem !== undefined) {
      note(walk, at, here, problem)
      continue
    }
    const child = visit(walk, pair.value as Node | null, here, at)
    object[key] = child.value
    children.set(key, child.place)
  }
  return object
}
