/** The network of one assignment has no decision left, whatever its operations are. */
import { expect, it } from "vitest"
import type { Network } from "../../src/network/Network.ts"
import { narrowestChoices, widestChoices } from "../../src/space/DecisionSpace.ts"
import { extract } from "../../src/supernet/Child.ts"
import { buildSpace, joint } from "../network/fixture.ts"
import * as tiny from "./tiny.ts"

/** Where something in a value still names a decision: looks at every field, by no list of them. */
const open = (value: unknown, path: string): ReadonlyArray<string> => {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const here = `${path}.${key}`
    const isOpen =
      (key === "decisions" && Array.isArray(inner) && inner.length > 0) ||
      (key === "decision" && inner !== null)
    return isOpen ? [here] : open(inner, here)
  })
}

it.each(Object.entries({ joint, ...tiny }))("%s leaves none", (_, yaml) => {
  const network = buildSpace(yaml)
  const openIn = ({ graph, table }: Network) => [...open(graph, "graph"), ...open(table, "table")]
  expect(openIn(network).length).toBeGreaterThan(0)
  for (const choicesOf of [widestChoices, narrowestChoices]) {
    expect(openIn(extract(network, choicesOf(network.space)))).toEqual([])
  }
})
