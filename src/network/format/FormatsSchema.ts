/** The schema of the block `formats` of a space file. Meaning is given by `FormatScopes.ts`. */
import { Schema } from "effect"
import { field, optional } from "../../declaration/Field.ts"
import { FormatList, FormatName, FormatOptionList } from "../../format/FormatName.ts"
import { Name, useField } from "../../space/Tunable.ts"
import { Scale } from "./ScaleSchema.ts"

export const Scope = Schema.Literals(["layer", "block", "stage", "model"]).annotate({
  identifier: "Scope",
  description: "How much one format decision covers.",
})

const listText = "Formats that the search chooses from, or the name of a set of formats."

const FormatChoice = Schema.Union([
  FormatName,
  Schema.Struct({
    oneOf: field(FormatList, listText),
    scope: optional(Scope, "How much one decision of this operand covers. Default: formats.scope."),
  }),
  Schema.Struct({ use: useField }),
]).annotate({ identifier: "FormatChoice", examples: ["INT8", { oneOf: ["INT4", "INT8"] }] })
export type FormatChoice = typeof FormatChoice.Type

/** The same without a scope: what an override matches decides layer by layer. */
const OverrideChoice = Schema.Union([
  FormatName,
  Schema.Struct({ oneOf: field(FormatList, listText) }),
  Schema.Struct({ use: useField }),
]).annotate({ identifier: "OverrideChoice", examples: ["INT8", { oneOf: ["INT4", "INT8"] }] })

const operands = <Choice extends Schema.Top>(choice: Choice, otherwise: string) => ({
  oneOf: optional(
    FormatOptionList,
    "Formats and pairs of formats that the search chooses from, for weights and activations together; or the name of a set of formats. Default: none; weights and activations are given apart.",
  ),
  use: optional(
    Name,
    "Name of an entry of `choices` with formats: one decision with all that use it. Default: none.",
    { examples: ["first"] },
  ),
  weights: optional(
    choice,
    `Format of the weights, apart from that of the activations. Default: ${otherwise}.`,
  ),
  activations: optional(
    choice,
    `Format of the inputs of layers, apart from that of the weights. Default: ${otherwise}.`,
  ),
})

const Override = Schema.Struct({
  match: field(
    Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(300)),
    "Path of layers: * stands for one name of it, ** for any number of them.",
    { examples: ["classifier", "stage2.*.project", "stage1.**"] },
  ),
  ...operands(OverrideChoice, "the general rule"),
}).annotate({
  identifier: "Override",
  description: "Formats of the layers whose path matches; the first match wins.",
})
export type Override = typeof Override.Type

export const Formats = Schema.Struct({
  ...operands(FormatChoice, "none; given together with the other, in place of oneOf"),
  scope: optional(
    Scope,
    "How much one format decision covers: a layer, a block (a repeat), a stage (an item) or the whole model.",
    { default: "layer" },
  ),
  scale: optional(
    Scale,
    "How numbers are scaled into their formats. Default: one scale for each tensor, by absmax.",
  ),
  overrides: optional(
    Schema.Array(Override),
    "Other formats for some layers; the first entry whose pattern matches a layer holds for it. Default: none.",
    { examples: [[{ match: "classifier", oneOf: ["INT8"] }]] },
  ),
}).annotate({
  identifier: "Formats",
  description: "Formats of the weights and the inputs of all layers.",
})
export type Formats = typeof Formats.Type
