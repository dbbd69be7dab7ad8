/**
 * Writes `schemas/*.schema.json`, what editors complete and check YAML files by, and `docs/keys.md`, the same for people,
 * from the schemas the program itself decodes with; the table of metrics in `docs/method.md`, and that of exported formats
 * in `docs/export.md`.
 *
 * Run by `npm run schemas`; a test fails when the committed files are not what this would write.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { JsonSchema, Schema } from "effect"
import { LatencyTable } from "../src/cost/LatencyTable.ts"
import { Policy } from "../src/export/PolicyFile.ts"
import { Experiment } from "../src/experiment/Experiment.ts"
import { metrics } from "../src/metric/Metrics.ts"
import { Space } from "../src/network/SpaceFile.ts"
import { withExportTable } from "./export-table.ts"
import { forEditors, type JsonSchema as EditorSchema } from "./editor-schema.ts"
import { keysPage } from "./keys-page.ts"
import { type PageSection, withSection } from "./page-section.ts"

/** A Schema as a draft-07 document. */
const schemaOf = (schema: Schema.Top): EditorSchema => {
  const { definitions, schema: top } = JsonSchema.toDocumentDraft07(
    Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" }),
  )
  // The root is written out: a root of $ref alone has no keys of its own to show.
  const { [rootName(top)]: root, ...others } = definitions
  const $schema = "http://json-schema.org/draft-07/schema#"
  return forEditors({ $schema, ...root }, others)
}

const rootName = (schema: JsonSchema.JsonSchema): string => {
  const name = /^#\/definitions\/(\w+)$/.exec(String(schema["$ref"]))?.[1]
  if (name === undefined) throw new Error("the root of a file's schema needs an identifier")
  return name
}

const files = { space: Space, experiment: Experiment, latency: LatencyTable, policy: Policy }

const metricsSection: PageSection = {
  begin: "<!-- metrics: written by npm run schemas -->\n",
  end: "<!-- end of metrics -->",
}

/** `docs/method.md` with the table of metrics as it is. */
export const withMetrics = (page: string): string =>
  withSection(page, metricsSection, metricsTable())

const metricsTable = (): string =>
  [
    "| metric | unit | better | what it is | when |",
    "|---|---|---|---|---|",
    ...metrics.map(({ direction, key, unit, when, words }) => {
      const better = { max: "more", min: "less", none: "" }[direction]
      return `| \`${key}\` | ${unit} | ${better} | ${words} | ${when} |`
    }),
    "",
  ].join("\n")

/** File name -> text. */
export const schemaFiles = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(files).map(([name, schema]) => [
      `${name}.schema.json`,
      `${JSON.stringify(schemaOf(schema), undefined, 2)}\n`,
    ]),
  )

/** The text of `docs/keys.md`. */
export const keysFile = (): string =>
  keysPage({
    "Space file": schemaOf(files.space),
    "Experiment file": schemaOf(files.experiment),
    "Latency table": schemaOf(files.latency),
  })

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = new URL("../", import.meta.url)
  mkdirSync(new URL("schemas/", root), { recursive: true })
  for (const [name, text] of Object.entries(schemaFiles()))
    writeFileSync(new URL(`schemas/${name}`, root), text)
  writeFileSync(new URL("docs/keys.md", root), keysFile())
  const method = new URL("docs/method.md", root)
  writeFileSync(method, withMetrics(readFileSync(method, "utf8")))
  const exported = new URL("docs/export.md", root)
  writeFileSync(exported, withExportTable(readFileSync(exported, "utf8")))
}
