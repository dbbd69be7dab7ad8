/** A document for every key of a schema: the key where it may stand, everything else as short as it can be. */
import { type JsonSchema, resolve, type Schemas } from "../../scripts/editor-schema.ts"

export interface Case {
  /** `Conv.filters`: the definition and the key. */
  readonly title: string
  readonly path: ReadonlyArray<string | number>
  /** Valid, with the key. */
  readonly document: unknown
  readonly property: JsonSchema
  /** Also one of several keys of which exactly one is. */
  readonly isRequired: boolean
}

type Wrap = (value: unknown) => unknown

/** The branches of a schema: forms of an `anyOf`, and blocks by kind with the block of all kinds. */
const branches = (schema: JsonSchema, definitions: Schemas): ReadonlyArray<JsonSchema> => {
  const here = resolve(schema, definitions)
  const all = (here["allOf"] ?? []) as ReadonlyArray<JsonSchema>
  return [
    here,
    ...(here.anyOf ?? []).flatMap((form) => branches(form, definitions)),
    ...all.flatMap((part) => branches((part["else"] ?? part) as JsonSchema, definitions)),
  ].filter(
    // the key `kind` of a block of all kinds stands in each of them too
    ({ items, properties, ...rest }) =>
      items !== undefined || (properties !== undefined && rest["allOf"] === undefined),
  )
}

/** A short value that a schema allows. */
export const sample = (schema: JsonSchema, definitions: Schemas): unknown => {
  const here = resolve(schema, definitions)
  const [example] = here.examples ?? []
  if (example !== undefined) return example
  if (here["const"] !== undefined) return here["const"]
  if (here.default !== undefined) return here.default
  if (here.enum !== undefined) return here.enum[0]
  const all = here["allOf"] as ReadonlyArray<JsonSchema> | undefined
  if (all !== undefined) return sample((all[0]!["else"] ?? all[0]) as JsonSchema, definitions)
  if (here.anyOf !== undefined) return sample(here.anyOf[0]!, definitions)
  switch (here["type"]) {
    case "boolean":
      return true
    case "integer":
    case "number": {
      const above = here["exclusiveMinimum"] as number | undefined
      return above === undefined ? Math.max(1, Number(here["minimum"] ?? 1)) : above + 1
    }
    case "array": {
      const count = Number(here["minItems"] ?? 1)
      const items = here["items"] as JsonSchema | ReadonlyArray<JsonSchema>
      return Array.from({ length: count }, (_, i) =>
        sample(
          "length" in items ? (items as ReadonlyArray<JsonSchema>)[i]! : (items as JsonSchema),
          definitions,
        ),
      )
    }
    case "object":
      return smallest(here, definitions)
    default:
      return "text"
  }
}

/** A mapping of the keys that it must have; of exactly one of several, the first that will do. */
const smallest = (schema: JsonSchema, definitions: Schemas): Record<string, unknown> => {
  const { maxProperties, properties = {}, required = [] } = schema
  const keys = maxProperties === 1 ? Object.keys(properties).slice(0, 1) : required
  return Object.fromEntries(keys.map((key) => [key, sample(properties[key]!, definitions)]))
}

/** All keys of a document's schema, each definition once. */
export const casesOf = (root: JsonSchema): ReadonlyArray<Case> => {
  const definitions = root.definitions!
  const seen = new Set<string>()
  const cases: Array<Case> = []
  const visit = (
    schema: JsonSchema,
    name: string,
    path: ReadonlyArray<string | number>,
    wrap: Wrap,
  ): void => {
    for (const branch of branches(schema, definitions)) {
      const { items, maxProperties, properties = {}, required = [] } = branch
      if (items !== undefined && !("length" in (items as object)))
        visit(items as JsonSchema, `${name}[]`, [...path, 0], (value) => {
          const rest = sample(branch, definitions) as ReadonlyArray<unknown>
          return wrap([value, ...(Number(branch["minItems"] ?? 1) > 1 ? rest.slice(1) : [])])
        })
      for (const [key, property] of Object.entries(properties)) {
        // what a definition says it says everywhere
        const text = JSON.stringify([key, property, required, Object.keys(properties)])
        if (seen.has(text)) continue
        seen.add(text)
        const put: Wrap = (value) =>
          wrap({ ...(maxProperties === 1 ? {} : smallest(branch, definitions)), [key]: value })
        cases.push({
          title: `${name}.${key}`,
          path: [...path, key],
          document: put(sample(property, definitions)),
          property: resolve(property, definitions),
          isRequired: required.includes(key) || maxProperties === 1,
        })
        visit(property, key, [...path, key], put)
      }
    }
  }
  visit(root, "", [], (value) => value)
  return cases
}
