/** `docs/keys.md`: every key of every file with the words that editors show, from the same schemas. */
import { type JsonSchema, resolve, type Schemas } from "./editor-schema.ts"

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ")

const code = (value: unknown): string =>
  `\`${typeof value === "string" ? value : JSON.stringify(value)}\``

/** What may be written: `a, b`, `1 to 64`, or the block it is. */
const formOf = (schema: JsonSchema, definitions: Schemas): string => {
  const name = schema.$ref?.replace("#/definitions/", "")
  const here = resolve(schema, definitions)
  if (here.anyOf !== undefined)
    return [...new Set(here.anyOf.map((form) => formOf(form, definitions)))].join(" or ")
  if (here.enum !== undefined)
    return here.enum.length > 12 ? "the name of a format" : here.enum.map(code).join(", ")
  switch (here["type"]) {
    case "object":
      return here.properties === undefined
        ? "a mapping"
        : name === undefined
          ? Object.keys(here.properties)
              .map((key) => `\`${key}\``)
              .join(", ")
          : `[${name}](#${name.toLowerCase()})`
    case "array": {
      const items = here["items"]
      return items === undefined || Array.isArray(items)
        ? "a list"
        : `a list, each ${formOf(items as JsonSchema, definitions)}`
    }
    case "integer":
      return "a whole number"
    case "string":
      return "text"
    case "boolean":
      return "`true`, `false`"
    default:
      return String(here["type"] ?? "any value").replace("number", "a number")
  }
}

const tableOf = (schema: JsonSchema, definitions: Schemas): ReadonlyArray<string> => {
  const { properties = {}, required = [] } = schema
  const rows = Object.entries(properties).map(([key, property]) => {
    const { description = "", examples = [] } = resolve(property, definitions)
    const [said] = description.split("\n")
    const words = examples.length === 0 ? said : `${said} Example: ${code(examples[0])}.`
    const name = required.includes(key) ? `**\`${key}\`**` : `\`${key}\``
    return `| ${name} | ${cell(formOf(property, definitions))} | ${cell(words ?? "")} |`
  })
  return ["| key | value | |", "|---|---|---|", ...rows]
}

/** A block and, where it is of several kinds, each of them. */
const section = (name: string, schema: JsonSchema, definitions: Schemas): ReadonlyArray<string> => {
  const kinds = schema["allOf"] as ReadonlyArray<{ readonly else: JsonSchema }> | undefined
  const text = schema.properties?.["kind"]?.description
  if (kinds === undefined) return [`### ${name}`, "", ...tableOf(schema, definitions), ""]
  const lines = text?.split("\n").slice(2) ?? []
  const linked = kinds.map((kind, i) => {
    const target = kind.else.$ref?.replace("#/definitions/", "") ?? ""
    return `${lines[i]} Keys: [${target}](#${target.toLowerCase()}).`
  })
  return [`### ${name}`, "", text?.split("\n")[0] ?? "", "", ...linked, ""]
}

/** The page of these schemas, by the kind of their files. */
export const keysPage = (schemas: Readonly<Record<string, JsonSchema>>): string => {
  const done = new Set<string>()
  const lines = Object.entries(schemas).flatMap(([kind, schema]) => {
    const definitions = schema.definitions ?? {}
    const own = Object.entries(definitions).filter(
      ([name, { properties }]) => properties !== undefined && !done.has(name),
    )
    for (const [name] of own) done.add(name)
    return [
      `## ${kind}`,
      "",
      schema.description ?? "",
      "",
      ...tableOf(schema, definitions),
      "",
      ...own.flatMap(([name, block]) => section(name, block, definitions)),
    ]
  })
  return [
    "# All keys",
    "",
    "Made by `npm run schemas` from the schemas that the program decodes files with; editors show the same words. Bold keys are",
    "required. What the keys are for, and how they go together: [spaces.md](spaces.md), [experiments.md](experiments.md).",
    "",
    ...lines,
  ].join("\n")
}
