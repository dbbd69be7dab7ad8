/**
 * Writes `schemas/*.schema.json`, what editors complete and check YAML files by, from the schemas the program itself decodes with.
 *
 * Run by `npm run schemas`; a test fails when the committed files are not what this would write.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { JsonSchema, Schema } from "effect"
import { LatencyTable } from "../src/cost/LatencyTable.ts"
import { Experiment } from "../src/experiment/Experiment.ts"
import { Space } from "../src/model/Network.ts"

/** A Schema as a draft-07 document, as the file is written. */
export const schemaText = (schema: Schema.Top): string => {
  const document = JsonSchema.toDocumentDraft07(
    Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" }),
  )
  // The root is written out: next to a $ref, draft-07 ignores everything else.
  const { [rootName(document.schema)]: root, ...definitions } = document.definitions
  const file = { $schema: "http://json-schema.org/draft-07/schema#", ...root, definitions }
  return `${JSON.stringify(file, undefined, 2)}\n`
}

const rootName = (schema: JsonSchema.JsonSchema): string => {
  const name = /^#\/definitions\/(\w+)$/.exec(String(schema["$ref"]))?.[1]
  if (name === undefined) throw new Error("the root of a file's schema needs an identifier")
  return name
}

/** File name -> text. */
export const schemaFiles = (): Readonly<Record<string, string>> => ({
  "experiment.schema.json": schemaText(Experiment),
  "latency.schema.json": schemaText(LatencyTable),
  "space.schema.json": schemaText(Space),
})

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = fileURLToPath(new URL("../schemas/", import.meta.url))
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of Object.entries(schemaFiles())) writeFileSync(folder + name, text)
}
