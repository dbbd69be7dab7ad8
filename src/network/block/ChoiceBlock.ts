/** `choice`: one of several blocks of one output shape, as a decision says (ProxylessNAS, arXiv 1812.00332, section 3). */
import { Schema } from "effect"
import { field } from "../../declaration/Field.ts"
import { inside } from "../../space/Decision.ts"
import { maximum, ofDecision } from "../../space/Quantity.ts"
import { itemName } from "../../space/Tunable.ts"
import type { Builder } from "../Builder.ts"
import type { BlockPlace } from "../Decisions.ts"
import { buildItem } from "../Items.ts"
import { describeShape, sameShape, type Value } from "../Shape.ts"
import { defineBlock } from "./Block.ts"

interface Fields {
  readonly name?: string
  readonly oneOf: ReadonlyArray<Readonly<Record<string, unknown>>>
}

interface Option {
  readonly kind: string
  readonly fields: unknown
  readonly name: string
}

/** The options with the names that the decision has for them. */
const optionsOf = (
  builder: Builder,
  place: BlockPlace,
  { oneOf }: Fields,
): ReadonlyArray<Option> => {
  const taken = new Set<string>()
  return oneOf.map((item, i) => {
    const [kind, fields] = Object.entries(item)[0]!
    const { name = kind } = fields as { readonly name?: string }
    if (taken.has(name))
      builder.problem(
        [...place.at, "oneOf", i, kind],
        `another option is already called ${name}; give one of them a name of its own`,
      )
    taken.add(name)
    return { kind, fields, name }
  })
}

/** The place of an option: a block of its own, but inside of a branch a part of that. */
const placeOf = (place: BlockPlace, { kind, name }: Option, i: number): BlockPlace => {
  const path = `${place.path}.${name}`
  return {
    ...place,
    path,
    item: path,
    block: place.inside === true ? place.block : path,
    results: { byName: new Map(), around: place.results },
    at: [...place.at, "oneOf", i, kind],
  }
}

/** MACs of an option with everything in it at its widest. */
const macsOf = (builder: Builder, from: number, to: number): number =>
  builder.layers.slice(from, to).reduce((sum, { macs }) => sum + maximum(macs), 0)

export const ChoiceBlock = defineBlock<Fields>({
  kind: "choice",
  stage: false,
  spec: (item) =>
    Schema.Struct({
      name: itemName("choice"),
      oneOf: field(
        Schema.Array(item).check(Schema.isMinLength(1), Schema.isMaxLength(64)),
        "1 to 64 items of one output shape; the options are called by their names, or by their blocks.",
        { examples: [[{ conv: { filters: 16, kernel: 3 } }, { identity: {} }]] },
      ),
    }).annotate({
      identifier: "OperationChoice",
      description: "A decision among several items: one of them runs. Its path ends in op.",
    }),
  build: (builder, place, fields, input) => {
    const options = optionsOf(builder, place, fields)
    const [first] = options
    const alone = options.length === 1 ? placeOf(place, first!, 0) : undefined
    if (alone !== undefined) return buildItem(builder, first!.kind, first!.fields, alone, input)
    const names = options.map(({ name }) => name)
    const decision = builder.among(names, place, "op", [...place.at, "oneOf"])
    const results: Array<Value> = []
    const macs = options.map(() => 0)
    /** Zeros come last: they take the shape of the others. */
    const order = [...options.keys()].sort(
      (a, b) => Number(options[a]!.kind === "zero") - Number(options[b]!.kind === "zero"),
    )
    const shape = () => results.find((result) => result !== undefined)?.shape ?? input.shape
    for (const i of order) {
      const option = options[i]!
      const active = inside(place.active, { decision, choices: [i] })
      const inner = { ...placeOf(place, option, i), active, itemActive: active }
      const before = builder.layers.length
      results[i] = builder.within(active, () => {
        const entered = builder.enter(inner.path, input)
        return option.kind === "zero"
          ? builder.zeros(inner.path, entered, shape())
          : buildItem(builder, option.kind, option.fields, inner, entered)
      })
      macs[i] = macsOf(builder, before, builder.layers.length)
    }
    for (const [i, result] of results.entries())
      if (!sameShape(result.shape, results[0]!.shape))
        builder.stop(
          [...place.at, "oneOf", i],
          `${names[i]} gives ${describeShape(result.shape)} beside ${describeShape(results[0]!.shape)} of ${names[0]}; all options of a choice must give one shape`,
        )
    builder.resize(decision, macs)
    return builder.select(`${place.path}.choose`, results, ofDecision(decision, [...names.keys()]))
  },
})
