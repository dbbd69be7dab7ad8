/** `cell`: the items of an entry of `cells`, in this place. */
import { Schema } from "effect"
import { field, optional } from "../../declaration/Field.ts"
import { suggest } from "../../declaration/Suggest.ts"
import { itemName, Name } from "../../space/Tunable.ts"
import type { BlockPlace } from "../Decisions.ts"
import { buildItems } from "../Items.ts"
import { defineBlock } from "./Block.ts"
import { resultNamed } from "./Branches.ts"

const CellSpec = Schema.Struct({
  name: itemName("cell"),
  use: field(Name, "Name of an entry of `cells`.", { examples: ["normal"] }),
  inputs: optional(
    Schema.Record(Name, Name),
    "Results that the cell reads beside its input: what `from` calls them in it, and the names of the earlier items that give them. Default: none.",
    { examples: [{ before: "cell1" }] },
  ),
  shared: optional(
    Schema.Boolean,
    "Whether this use shares the decisions about the architecture with all that say so, at cells.NAME, in place of its own.",
    { default: false },
  ),
}).annotate({
  identifier: "Cell",
  description:
    "The items of an entry of `cells`, in this place; their paths follow that of this item.",
})

export const CellBlock = defineBlock<typeof CellSpec.Type>({
  kind: "cell",
  stage: false,
  spec: () => CellSpec,
  build: (builder, place, { inputs = {}, shared = false, use }, input) => {
    const { cells } = builder.options
    const at = [...place.at, "use"]
    if (!Object.hasOwn(cells, use)) {
      const near = suggest(use, Object.keys(cells))
      return builder.stop(
        at,
        `no cell is called ${JSON.stringify(use)}; ` +
          (near === undefined
            ? `declare it under cells: { ${use}: [...] }`
            : `did you mean ${near}?`),
      )
    }
    if (builder.openCells.includes(use))
      return builder.stop(at, `cell ${use} stands inside of itself; use other items in it`)
    builder.usedCells.add(use)
    const given = Object.entries(inputs).map(
      ([name, from]) =>
        [name, resultNamed(builder, place, from, [...place.at, "inputs", name])] as const,
    )
    builder.openCells.push(use)
    const inner: BlockPlace = {
      ...place,
      // a cell sees no results but its own and those that it is given
      results: { byName: new Map(given) },
      ...(shared ? { shared: { from: place.path, to: `cells.${use}` } } : {}),
    }
    try {
      return buildItems(builder, cells[use]!, ["cells", use], input, inner)
    } finally {
      builder.openCells.pop()
    }
  },
})
