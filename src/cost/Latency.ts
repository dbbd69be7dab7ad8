/** Milliseconds: the sum of the layers' times, each looked up in a table by kind, shape and format. */
import { Schema } from "effect"
import { FilePath } from "../declaration/Field.ts"
import { type CostModel, Target } from "./Cost.ts"
import { LatencyTable, overKeys, textOf, timesOf } from "./LatencyTable.ts"

const LatencySpec = Schema.Struct({
  kind: Schema.Literal("latency"),
  table: Schema.Union([FilePath, LatencyTable]).annotate({
    description: "The file with the times, as `fliqs latency` writes it; or the table itself.",
    examples: ["latency.json"],
  }),
  target: Target,
}).annotate({
  identifier: "LatencyCost",
  description: "Milliseconds: the sum of the measured times of all layers.",
})

const unit = { unit: "ms", scale: 1, printUnit: "ms" } as const

/** The model of a table that has every key it will be asked for. */
export const latencyBy = (table: LatencyTable): CostModel => {
  const times = timesOf(table)
  return {
    kind: "latency",
    spec: LatencySpec,
    ...unit,
    layerCost: (layer) =>
      overKeys(layer, (key) => {
        const found = times.get(textOf(key))
        if (found === undefined) throw new Error(`the latency table lacks ${textOf(key)}`)
        return found
      }),
  }
}

export const Latency = {
  kind: "latency",
  spec: LatencySpec,
  ...unit,
  bind: ({ table }: Pick<typeof LatencySpec.Type, "table">): CostModel => {
    if (typeof table === "string") throw new Error(`the latency table ${table} was not read`)
    return latencyBy(table)
  },
} as const
