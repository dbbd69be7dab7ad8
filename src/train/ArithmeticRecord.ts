/**
 * What the bits of a trial depend on beside its declaration, as it is recorded and shown. Left out: how it is set and
 * read (`tensor/Arithmetic.ts`).
 */
import { Schema } from "effect"

export const Arithmetic = Schema.Struct({
  oneDnn: Schema.Literals(["on", "off", "default"]),
  variables: Schema.Record(Schema.String, Schema.String),
  intraOpThreads: Schema.Int,
  interOpThreads: Schema.Int,
  processor: Schema.String,
  processorFlags: Schema.Array(Schema.String),
  tensorflow: Schema.String,
}).annotate({ identifier: "Arithmetic" })
export type Arithmetic = typeof Arithmetic.Type

const textOf = (variables: Arithmetic["variables"]): string =>
  Object.entries(variables)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(" ")

/** What makes the bits of `now` others than those of `before`, in words; undefined when nothing is known to. */
export const differenceOf = (before: Arithmetic, now: Arithmetic): string | undefined => {
  const parts = [
    ["TensorFlow", before.tensorflow, now.tensorflow],
    ["the processor", before.processor, now.processor],
    ["its instructions", before.processorFlags.join(" "), now.processorFlags.join(" ")],
    ["the threads of an operation", before.intraOpThreads, now.intraOpThreads],
    ["the operations at a time", before.interOpThreads, now.interOpThreads],
    ["the variables", textOf(before.variables), textOf(now.variables)],
  ] as const
  const changed = parts.filter(([, a, b]) => a !== b)
  return changed.length === 0
    ? undefined
    : changed.map(([what, a, b]) => `${what}: ${a || "none"}, now ${b || "none"}`).join("; ")
}
