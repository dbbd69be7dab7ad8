/** The name of a number format in a declaration. */
import { Schema } from "effect"
import { names } from "./Formats.ts"

export const FormatName = Schema.Literals(names).annotate({
  identifier: "FormatName",
  description: "A number format: see `fliqs format list`.",
})
