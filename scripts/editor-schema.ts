/**
 * A JSON Schema in the form for which editors say the right things: rewrites that change no verdict and use no keyword
 * of one editor alone, which ajv would refuse.
 *
 * 1. One definition for what is the same but for its annotations; those stand beside the `$ref`, where language servers
 *    and ajv read them.
 * 2. A union of blocks that a key tells apart (`kind`) becomes one block that lists all kinds, and an `if` for each: a
 *    wrong kind is then wrong as a word, where a validator of `anyOf` would name the first kind alone.
 * 3. `Default: ...` and `Example: ...` at the end of a description: hovers show no `default`, and a mapping among the
 *    `examples` is `[object Object]` in completions. One form of several has no description: a hover would show it in
 *    place of that of the key.
 */

/** Draft-07, as far as Effect writes it. */
export interface JsonSchema {
  readonly $ref?: string
  readonly description?: string
  readonly default?: unknown
  readonly examples?: ReadonlyArray<unknown>
  readonly enum?: ReadonlyArray<unknown>
  readonly properties?: Schemas
  readonly anyOf?: ReadonlyArray<JsonSchema>
  readonly required?: ReadonlyArray<string>
  readonly maxProperties?: number
  readonly definitions?: Schemas
  readonly [other: string]: unknown
}

export type Schemas = Readonly<Record<string, JsonSchema>>

const isObject = (value: unknown): value is JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const mapValues = <A, B>(of: Readonly<Record<string, A>>, f: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [key, f(value)]))

const byName = new Set(["properties", "patternProperties", "definitions"])
const inside = new Set(["anyOf", "allOf", "items", "if", "else", "not", "additionalProperties"])

/** Every schema in a schema, inner ones first. */
const mapSchemas = (schema: JsonSchema, f: (schema: JsonSchema) => JsonSchema): JsonSchema => {
  const inner = (value: unknown): unknown =>
    Array.isArray(value) ? value.map(inner) : isObject(value) ? mapSchemas(value, f) : value
  const entries = Object.entries(schema).map(([key, value]) => [
    key,
    byName.has(key) && isObject(value)
      ? mapValues(value, inner)
      : inside.has(key)
        ? inner(value)
        : value,
  ])
  return f(Object.fromEntries(entries))
}

const refTo = (name: string): string => `#/definitions/${name}`
const nameIn = ({ $ref }: JsonSchema): string | undefined => $ref?.slice(refTo("").length)

/** The schema with what its `$ref` leads to; what stands beside the `$ref` counts more. */
export const resolve = (schema: JsonSchema, definitions: Schemas): JsonSchema => {
  const name = nameIn(schema)
  if (name === undefined) return schema
  const { $ref: _, ...own } = schema
  return { ...resolve(definitions[name]!, definitions), ...own }
}

// --- 1. one definition each ------------------------------------------------------------------------------------------

const annotations = new Set(["title", "description", "default", "examples"])
const without = (schema: JsonSchema): JsonSchema =>
  Object.fromEntries(Object.entries(schema).filter(([key]) => !annotations.has(key)))
const annotationsOf = (schema: JsonSchema): JsonSchema =>
  Object.fromEntries(Object.entries(schema).filter(([key]) => annotations.has(key)))

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
const baseOf = (name: string): string => name.replace(/_\d+$/, "")

/** `Stride_1`, `Stride_2` and `Stride` are one; what they are annotated with stands where they are used. */
const shareDefinitions = (root: JsonSchema, definitions: Schemas): [JsonSchema, Schemas] => {
  const same = Object.keys(definitions).filter((name) => {
    const base = definitions[baseOf(name)]
    return (
      baseOf(name) !== name &&
      base !== undefined &&
      isSame(without(definitions[name]!), without(base))
    )
  })
  if (same.length === 0) return [root, definitions]
  const bases = new Set(same.map(baseOf))
  /** What all definitions of a family are annotated with. */
  const common = (base: string): JsonSchema => {
    const family = [base, ...same.filter((name) => baseOf(name) === base)]
    return Object.fromEntries(
      Object.entries(annotationsOf(definitions[base]!)).filter(([key, value]) =>
        family.every((name) => isSame(definitions[name]![key], value)),
      ),
    )
  }
  const share = (schema: JsonSchema): JsonSchema => {
    const name = nameIn(schema)
    if (name === undefined || !bases.has(baseOf(name))) return schema
    if (baseOf(name) !== name && !same.includes(name)) return schema
    const kept = common(baseOf(name))
    const own = Object.entries(annotationsOf(definitions[name]!)).filter(([key]) => !(key in kept))
    return { $ref: refTo(baseOf(name)), ...Object.fromEntries(own), ...annotationsOf(schema) }
  }
  const rest = Object.entries(definitions).filter(([name]) => !same.includes(name))
  const shared = rest.map(([name, schema]) => {
    const bare = bases.has(name) ? { ...without(schema), ...common(name) } : schema
    return [name, mapSchemas(bare, share)]
  })
  // what was told apart by its parts alone may be the same now
  return shareDefinitions(mapSchemas(root, share), Object.fromEntries(shared))
}

// --- 2. kinds --------------------------------------------------------------------------------------------------------

const literalOf = (schema: JsonSchema | undefined): string | undefined =>
  schema?.enum?.length === 1 ? String(schema.enum[0]) : undefined

/** `LearningRate` -> `learning rate`. */
const wordsOf = (identifier: string): string =>
  identifier.replace(/(?!^)[A-Z]/g, (letter) => ` ${letter}`).toLowerCase()

interface Member {
  readonly schema: JsonSchema
  readonly kind: string
  readonly isUsual: boolean
  readonly description: string
}

/** The members of a union by their kind; undefined when it is no such union. */
const membersOf = (schema: JsonSchema, definitions: Schemas): ReadonlyArray<Member> | undefined => {
  const { anyOf } = schema
  if (anyOf === undefined || anyOf.length < 2) return undefined
  const members = anyOf.flatMap((member): ReadonlyArray<Member> => {
    const { description = "", properties, required = [] } = resolve(member, definitions)
    const kind = literalOf(properties?.["kind"])
    return kind === undefined
      ? []
      : [{ schema: member, kind, isUsual: !required.includes("kind"), description }]
  })
  return members.length === anyOf.length ? members : undefined
}

const kindText = (name: string, members: ReadonlyArray<Member>): string => {
  const usual = members.find(({ isUsual }) => isUsual)
  const otherwise = usual === undefined ? "" : ` Default: ${usual.kind}.`
  const each = members.map(({ description, kind }) => `- ${kind}: ${description}`)
  return [
    `Which kind of ${wordsOf(name)}; the other keys follow from it.${otherwise}\n`,
    ...each,
  ].join("\n")
}

const asKinds = (name: string, schema: JsonSchema, members: ReadonlyArray<Member>): JsonSchema => {
  const { anyOf: _, ...rest } = schema
  const usual = members.find(({ isUsual }) => isUsual)
  const is = (kind: string): JsonSchema => ({
    type: "object",
    properties: { kind: { const: kind } },
    required: ["kind"],
  })
  const isAbsent = { not: { type: "object", required: ["kind"] } }
  return {
    ...rest,
    type: "object",
    properties: {
      kind: {
        type: "string",
        enum: members.map(({ kind }) => kind),
        description: kindText(name, members),
        ...(usual === undefined ? {} : { default: usual.kind }),
      },
    },
    ...(usual === undefined ? { required: ["kind"] } : {}),
    // `if not ... else`: of what is under `not` language servers offer nothing
    allOf: members.map(({ isUsual, kind, schema: member }) => ({
      if: { not: isUsual ? { anyOf: [is(kind), isAbsent] } : is(kind) },
      else: member,
    })),
  }
}

/** A member of a union: what it is stands with its kind, and a hover over the block says what the block is. */
const asMember = (schema: JsonSchema, text: string): JsonSchema => {
  const { description: _, properties = {}, ...rest } = schema
  return {
    ...rest,
    properties: { ...properties, kind: { ...properties["kind"], description: text } },
  }
}

/** All definitions that are unions by kind, and their members. */
const splitKinds = (definitions: Schemas): Schemas => {
  const textOf = new Map<string, string>()
  const unions = new Map<string, JsonSchema>()
  for (const [name, schema] of Object.entries(definitions)) {
    const members = membersOf(schema, definitions)
    if (members === undefined) continue
    unions.set(name, asKinds(name, schema, members))
    for (const member of members) textOf.set(nameIn(member.schema) ?? "", kindText(name, members))
  }
  return Object.fromEntries(
    Object.entries(definitions).map(([name, schema]) => {
      const text = textOf.get(name)
      return [name, unions.get(name) ?? (text === undefined ? schema : asMember(schema, text))]
    }),
  )
}

// --- 3. words --------------------------------------------------------------------------------------------------------

const yaml = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(yaml).join(", ")}]`
  if (!isObject(value)) return String(value)
  const entries = Object.entries(value).map(([key, item]) => `${key}: ${yaml(item)}`)
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`
}

const defaultWords = (value: unknown): string => {
  if (!isObject(value)) return yaml(value)
  const keys = Object.keys(value)
  if (keys.length === 0) return "the defaults of its keys"
  return keys.length === 1 && keys[0] === "kind" ? String(value["kind"]) : yaml(value)
}

/** Whether there is a mapping in it. */
const isDeep = (value: unknown): boolean =>
  Array.isArray(value) ? value.some(isDeep) : isObject(value)

const inWords = (schema: JsonSchema, definitions: Schemas): JsonSchema => {
  const { description } = schema
  if (description === undefined) return schema
  const { default: value, examples = [] } = resolve(schema, definitions)
  const deep = examples.filter(isDeep)
  const said = [
    description,
    ...(value === undefined || /\bDefault: /.test(description)
      ? []
      : [`Default: ${defaultWords(value)}.`]),
    ...(deep.length === 0 ? [] : [`Example: ${deep.map(yaml).join("; ")}.`]),
  ]
  return { ...schema, description: said.join(" ") }
}

/** Without the examples that stand in words. */
const withoutDeep = ({ examples, ...rest }: JsonSchema): JsonSchema => {
  const plain = examples?.filter((example) => !isDeep(example)) ?? []
  return plain.length === 0 ? rest : { ...rest, examples: plain }
}

const withoutDescription = (schema: JsonSchema): JsonSchema => {
  const { description: _, ...rest } = schema
  return rest
}

/** The definitions that are one form of several. */
const formsIn = (document: JsonSchema): ReadonlySet<string> => {
  const forms = new Set<string>()
  mapSchemas(document, (schema) => {
    for (const form of schema.anyOf ?? []) forms.add(nameIn(form) ?? "")
    return schema
  })
  return forms
}

const withoutForms = (schema: JsonSchema): JsonSchema =>
  schema.anyOf === undefined ? schema : { ...schema, anyOf: schema.anyOf.map(withoutDescription) }

/** The schema of a file, its definitions apart. */
export const forEditors = (root: JsonSchema, all: Schemas): JsonSchema => {
  const [own, shared] = shareDefinitions(root, all)
  const split = splitKinds(shared)
  const forms = formsIn({ ...own, definitions: split })
  const definitions = Object.fromEntries(
    Object.entries(split).map(([name, schema]) => [
      name,
      forms.has(name) ? withoutDescription(schema) : schema,
    ]),
  )
  const said = mapSchemas({ ...own, definitions }, (schema) =>
    withoutForms(inWords(schema, definitions)),
  )
  return mapSchemas(said, withoutDeep)
}
