/** Branches side by side on one input: what `concat` and `sum` share. */
import { Schema } from "effect"
import { suggest } from "../../declaration/Suggest.ts"
import { field, optional } from "../../declaration/Field.ts"
import { Name } from "../../space/Tunable.ts"
import type { Builder } from "../Builder.ts"
import type { BlockPlace, NamedResult, Results, YamlPath } from "../Decisions.ts"
import { buildItems } from "../Items.ts"
import type { Value } from "../Shape.ts"
import type { ItemSchema } from "./Block.ts"

export interface Branch {
  readonly name?: string
  readonly from?: string
  readonly items: ReadonlyArray<Readonly<Record<string, unknown>>>
}

/** @param end what is said of the ends of the branches */
export const branchesField = (item: ItemSchema, end: string) =>
  field(
    Schema.Array(
      Schema.Struct({
        name: optional(Name, "Name of the branch. Default: its index, counted from 0."),
        from: optional(
          Name,
          "Name of an earlier item, in this list of items or in one around it, whose result the branch begins with. Default: the input of the block.",
        ),
        items: field(
          Schema.Array(item),
          "Items of the branch, top to bottom; an empty list passes the input on.",
          { examples: [[{ conv: { filters: 16, kernel: 1 } }]] },
        ),
      }),
    ).check(Schema.isMinLength(1), Schema.isMaxLength(64)),
    `1 to 64 branches on the same input; ${end}.`,
    { examples: [[{ items: [] }, { items: [{ conv: { filters: 16, kernel: 3 } }] }]] },
  )

const namesOf = ({ around, byName }: Results): ReadonlyArray<string> => [
  ...byName.keys(),
  ...(around === undefined ? [] : namesOf(around)),
]

const find = ({ around, byName }: Results, name: string): NamedResult | undefined =>
  byName.get(name) ?? (around === undefined ? undefined : find(around, name))

/** The result of an item before, in the list of an item or in one around it. */
export const resultNamed = (
  builder: Builder,
  place: BlockPlace,
  name: string,
  at: YamlPath,
): NamedResult => {
  const found = find(place.results, name)
  if (found !== undefined) return found
  const names = namesOf(place.results)
  const near = suggest(name, names)
  return builder.stop(
    at,
    `no item before is called ${name}; ` +
      (near !== undefined
        ? `did you mean ${near}?`
        : names.length === 0
          ? "there is none, so leave it out"
          : `those are ${names.join(", ")}`),
  )
}

/** Builds the branches one after another. */
export const buildBranches = (
  builder: Builder,
  place: BlockPlace,
  branches: ReadonlyArray<Branch>,
  input: Value,
): ReadonlyArray<Value> => {
  const names = new Set<string>()
  return branches.map((branch, i) => {
    const name = branch.name ?? String(i)
    const at = [...place.at, "branches", i]
    if (names.has(name))
      builder.problem(
        [...at, "name"],
        `another branch is already called ${name}; give one of them another name`,
      )
    names.add(name)
    const path = `${place.path}.${name}`
    // the outermost concat or sum is the stage, a branch of it the block
    const inner: BlockPlace = {
      ...place,
      path,
      item: path,
      block: place.inside === true ? place.block : path,
      inside: true,
      at,
    }
    const { from } = branch
    const first =
      from === undefined
        ? input
        : builder.resultOf(from, path, resultNamed(builder, place, from, [...at, "from"]))
    return buildItems(builder, branch.items, [...at, "items"], first, inner)
  })
}
