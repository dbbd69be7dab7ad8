/** A list of network items, built one after another: the top of the network, or a branch of it. */
import type { Builder, Items } from "./Builder.ts"
import { TooManyJointOptions } from "../space/Quantity.ts"
import { BuildStopped, type BlockPlace } from "./Decisions.ts"
import type { Value } from "./Shape.ts"

const ownName = (fields: unknown) => (fields as { readonly name?: string }).name

/** The name of every item of one list: its own, `stageN`, or its kind with a number. */
export const itemNames = (
  items: Items,
  isStage: (kind: string) => boolean,
): ReadonlyArray<string> => {
  let stages = 0
  const counts = new Map<string, number>()
  return items.map((item) => {
    const [kind, fields] = Object.entries(item)[0]!
    const stage = isStage(kind)
    if (stage) stages++
    const own = ownName(fields)
    if (own !== undefined) return own
    if (stage) return `stage${stages}`
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    return count === 1 ? kind : `${kind}${count}`
  })
}

/** The same; names that are given twice are problems. */
const nameItems = (
  builder: Builder,
  items: Items,
  at: ReadonlyArray<string | number>,
): ReadonlyArray<string> => {
  const names = itemNames(items, (kind) => builder.block(kind).stage)
  const taken = new Set<string>()
  items.forEach((item, i) => {
    const [kind, fields] = Object.entries(item)[0]!
    const name = names[i]!
    if (taken.has(name))
      builder.problem(
        ownName(fields) === undefined ? [...at, i, kind] : [...at, i, kind, "name"],
        `another item is already called ${name}; give one of them another name`,
      )
    taken.add(name)
  })
  return names
}

/** Builds a list of items one after another. `outer` is absent at the top of the network. */
export const buildItems = (
  builder: Builder,
  items: Items,
  at: ReadonlyArray<string | number>,
  input: Value,
  outer?: BlockPlace,
): Value => {
  const names = nameItems(builder, items, at)
  const results = {
    byName: new Map(),
    ...(outer === undefined ? {} : { around: outer.results }),
  }
  let value = input
  items.forEach((item, i) => {
    const [kind, fields] = Object.entries(item)[0]!
    const path = outer === undefined ? names[i]! : `${outer.path}.${names[i]!}`
    const active = outer === undefined ? "always" : outer.active
    const place: BlockPlace = {
      path,
      item: path,
      block: outer === undefined ? path : outer.block,
      stage: outer === undefined ? path : outer.stage,
      active,
      itemActive: active,
      ...(outer?.inside === true ? { inside: true } : {}),
      ...(outer?.shared === undefined ? {} : { shared: outer.shared }),
      results,
      at: [...at, i, kind],
    }
    value = buildItem(builder, kind, fields, place, value)
    builder.remember(place, names[i]!, value)
  })
  return value
}

/** Builds one item; after a problem that ends its building the value goes on as it was. */
export const buildItem = (
  builder: Builder,
  kind: string,
  fields: unknown,
  place: BlockPlace,
  value: Value,
): Value => {
  try {
    return builder.block(kind).build(builder, place, fields, value)
  } catch (error) {
    if (!(error instanceof BuildStopped || error instanceof TooManyJointOptions)) throw error
    if (error instanceof TooManyJointOptions)
      builder.problem(place.at, `${error.message}; share or drop some`)
    builder.broken = true
    return value
  }
}
