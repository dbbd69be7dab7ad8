/** Formats in a declaration: the name of one, a list of them. */
import { Schema } from "effect"
import { distinct } from "../declaration/Field.ts"
import { names, sets } from "./Formats.ts"

export const FormatName = Schema.Literals(names).annotate({
  identifier: "FormatName",
  description: "A number format: see `fliqs format list`.",
})

/** Format names, or the name of a set of them. */
export const FormatList = Schema.Union([
  Schema.Array(FormatName).check(Schema.isMinLength(1), distinct),
  Schema.Literals(Object.keys(sets)),
]).annotate({ identifier: "FormatList" })
