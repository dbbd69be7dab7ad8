/** Milliseconds: the sum of the layers' times, each looked up in a table by kind, shape and format. */
import { Schema } from "effect"
import { FilePath } from "../declaration/Field.ts"
import type { NamedFile } from "../declaration/NamedFile.ts"
import { type CostKind, Target } from "./Cost.ts"
import {
  LatencyTable,
  missingFrom,
  overKeys,
  tableProblems,
  textOf,
  timesOf,
  usedOf,
} from "./LatencyTable.ts"

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
type LatencySpec = typeof LatencySpec.Type

/** The file with the measured times. */
export const LatencyFile = {
  kind: "latency table",
  noun: "a latency table",
  schema: LatencyTable,
  problems: tableProblems,
  recognises: (mapping) => Object.hasOwn(mapping, "machine") && Object.hasOwn(mapping, "layers"),
  use: (file) =>
    `name it in an experiment, reward: { cost: { kind: latency, table: ${file}, target: ... } }, or see times by fliqs cost SPACE --latency ${file}`,
  command: "latency",
  isLarge: true,
} as const satisfies NamedFile<LatencyTable>

const tableOf = ({ table }: LatencySpec): LatencyTable => {
  if (typeof table === "string") throw new Error(`the latency table ${table} was not read`)
  return table
}

/** A table of exported layers is gone on with in the same runtime. */
const runtimeFlag = ({ versions }: LatencyTable): string =>
  versions["onnxruntime"] === undefined ? "" : " --runtime onnxruntime"

export const Latency = {
  kind: "latency",
  spec: LatencySpec,
  unit: "ms",
  scale: 1,
  printUnit: "ms",
  column: {
    key: "ms",
    heading: "ms",
    scale: 1,
    flag: "Show milliseconds too, from this latency table",
  },
  layerCost: (layer, spec) => {
    const times = timesOf(tableOf(spec))
    return overKeys(layer, (key) => {
      const found = times.get(textOf(key))
      if (found === undefined) throw new Error(`the latency table lacks ${textOf(key)}`)
      return found
    })
  },
  files: { table: LatencyFile },
  problems: (spec, layers, fill) => {
    const [first, ...others] = missingFrom(tableOf(spec), layers)
    if (first === undefined) return []
    const more = others.length > 0 ? ` and ${others.length} more` : ""
    return [
      {
        path: ["table"],
        message: `has no time of "${textOf(first)}"${more}; fill it by ${fill}${runtimeFlag(tableOf(spec))}`,
      },
    ]
  },
  // Times of other networks are not part of a trial.
  identity: (spec, layers) => ({ ...spec, table: usedOf(tableOf(spec), layers) }),
} as const satisfies CostKind<LatencySpec>
