/**
 * Which format decision each layer's weight and input belong to: scopes, overrides, shared choices.
 *
 * A layer that an override matches leaves its group and decides for itself (or for the choice it uses).
 */
import type { FormatSlot, Layer } from "../../cost/LayerTable.ts"
import { formatPath } from "../../declaration/Errors.ts"
import { expand, parse } from "../../format/Formats.ts"
import type { Format } from "../../format/Format.ts"
import { type FormatOption, isMultiplied, pairOf, pairText } from "../../format/Pair.ts"
import { type Activity, either } from "../../space/Decision.ts"
import type { Builder } from "../Builder.ts"
import { aFormat, aFormatOrPair, sizeOfFormat } from "../Decisions.ts"
import { type LayerDraft, withoutPlace } from "../LayerDraft.ts"
import type { FormatChoice, Formats, Override } from "./FormatsSchema.ts"
import { matcher } from "./Pattern.ts"
import { layerScales } from "./Scales.ts"

type Operand = "weights" | "activations"
type ScopeName = "layer" | "block" | "stage" | "model"
type YamlPath = ReadonlyArray<string | number>

/** What one operand of one layer may be, before decisions are numbered. */
interface Draft {
  readonly kind: "fixed" | "decision" | "use"
  readonly options: ReadonlyArray<FormatOption>
  readonly operand: Operand
  /** True when one decision covers both operands: only then may an option be a pair. */
  readonly both: boolean
  /** Decision path, or the name of the choice used. */
  readonly path: string
  readonly tag: string
  readonly at: YamlPath
  readonly overridden: boolean
}

const formatOf = (name: string): Format => {
  const format = parse(name)
  if (format === undefined) throw new Error(`format ${name} passed the schema but is unknown`)
  return format
}

/** What is declared for one operand, alone or for both. */
interface Declared {
  readonly choice: FormatChoice | { readonly oneOf: NonNullable<Formats["oneOf"]> }
  readonly both: boolean
  readonly key: YamlPath
}

/** The declared choice of one operand; undefined when the block names neither form. */
const choiceOf = (declared: Formats | Override, operand: Operand): Declared | undefined => {
  if (declared.oneOf !== undefined)
    return { choice: { oneOf: declared.oneOf }, both: true, key: ["oneOf"] }
  if (declared.use !== undefined) return { choice: { use: declared.use }, both: true, key: ["use"] }
  const choice = declared[operand]
  return choice === undefined ? undefined : { choice, both: false, key: [operand] }
}

/** Reports what is wrong with the four keys that name formats: one form, whole. */
const checkForm = (
  builder: Builder,
  declared: Formats | Override,
  at: YamlPath,
  base: boolean,
): void => {
  const both = [declared.oneOf !== undefined, declared.use !== undefined].filter(Boolean).length
  const apart = [declared.weights !== undefined, declared.activations !== undefined].filter(
    Boolean,
  ).length
  if (both + (apart > 0 ? 1 : 0) > 1)
    builder.problem(
      at,
      "names formats in more than one way; give either oneOf, or use, or weights and activations",
    )
  else if (both === 0 && apart === 0)
    builder.problem(at, "names no format; give oneOf, use, or weights and activations")
  else if (base && apart === 1)
    builder.problem(
      at,
      `names ${declared.weights === undefined ? "activations" : "weights"} alone; give both`,
    )
}

/** Reports an option that is listed twice in two spellings: `INT8`, and a pair of INT8 and INT8. */
const checkRepeats = (builder: Builder, { oneOf }: Formats | Override, at: YamlPath): void => {
  if (oneOf === undefined || typeof oneOf === "string") return
  const texts = oneOf.map(pairText)
  const twice = texts.findIndex((text, i) => texts.indexOf(text) < i)
  if (twice >= 0) builder.problem([...at, "oneOf", twice], `offers ${texts[twice]} a second time`)
}

/** The products that a layer may come to: those of one decision option by option, of two decisions all combinations. */
const productsIn = ({ activationFormat, weightFormat }: Layer): ReadonlyArray<[Format, Format]> =>
  weightFormat.decision !== null && weightFormat.decision === activationFormat.decision
    ? weightFormat.formats.map((weights, k) => [weights, activationFormat.formats[k]!])
    : weightFormat.formats.flatMap((weights) =>
        activationFormat.formats.map((activations): [Format, Format] => [weights, activations]),
      )

/** Warns where the space offers a product that no hardware computes as it is. */
const warnOfProducts = (builder: Builder, layers: ReadonlyArray<Layer>, at: YamlPath): void => {
  const found = layers.flatMap((layer) =>
    productsIn(layer)
      .filter(([weights, activations]) => !isMultiplied(weights, activations))
      .map(([weights, activations]) => ({ layer, weights, activations })),
  )
  const [first] = found
  if (first === undefined) return
  const { activations, layer, weights } = first
  const places = new Set(found.map(({ layer: { path } }) => path)).size - 1
  const others = places === 0 ? "" : ` (and in ${places} other layer${places === 1 ? "" : "s"})`
  builder.warning(
    at,
    `offers ${weights.name} weights with ${activations.name} activations in ${layer.path}${others}, a product that no hardware multiplies as it is; ` +
      "list the pairs that go together: oneOf: [INT8, E4M3, { weights: INT4, activations: INT8 }]",
  )
}

const groupPath = (layer: LayerDraft, scope: ScopeName): string =>
  scope === "layer"
    ? layer.path
    : scope === "block"
      ? layer.block
      : scope === "stage"
        ? layer.stage
        : ""

const draft = (
  found: Declared,
  operand: Operand,
  group: (scope: ScopeName | undefined) => string,
  at: YamlPath,
  overridden: boolean,
): Draft => {
  const { choice } = found
  const tag = found.both ? "format" : operand === "weights" ? "weightFormat" : "activationFormat"
  const here = { tag, overridden, operand, both: found.both, at: [...at, ...found.key] }
  if (typeof choice === "string") return { kind: "fixed", options: [choice], path: "", ...here }
  if ("use" in choice) return { kind: "use", options: [], path: choice.use, ...here }
  const options = typeof choice.oneOf === "string" ? expand(choice.oneOf) : choice.oneOf
  if (options.length === 1) return { kind: "fixed", options, path: "", ...here }
  const path = group("scope" in choice ? choice.scope : undefined)
  return { kind: "decision", options, path: path === "" ? tag : `${path}.${tag}`, ...here }
}

interface Matched {
  readonly matches: (path: string) => boolean
  readonly place: YamlPath
}

/** Overrides all of whose layers earlier ones match: the first counts, so they say nothing. */
const refuseHidden = (builder: Builder, overrides: ReadonlyArray<Matched>): void => {
  if (builder.broken) return
  const won = new Set(
    builder.layers.map(({ path }) => overrides.find(({ matches }) => matches(path))),
  )
  for (const override of overrides)
    if (!won.has(override) && builder.layers.some(({ path }) => override.matches(path)))
      builder.problem(
        [...override.place, "match"],
        "has no effect: overrides before it match all its layers, and the first counts; put it before them, or remove it",
      )
}

/** The overrides with the test of their patterns, each checked. */
const overridesOf = (builder: Builder, declared: Formats) => {
  const overrides = (declared.overrides ?? []).map((override, i) => {
    const place = ["formats", "overrides", i]
    checkForm(builder, override, place, false)
    checkRepeats(builder, override, place)
    const matches = matcher(override.match)
    if (!builder.broken && !builder.layers.some((layer) => matches(layer.path)))
      builder.problem(
        [...place, "match"],
        `matches no layer; layers are ${builder.layers
          .slice(0, 4)
          .map((l) => l.path)
          .join(", ")}, ...`,
      )
    return { override, matches, place }
  })
  refuseHidden(builder, overrides)
  return overrides
}

interface LayerDrafts {
  readonly layer: LayerDraft
  readonly weights: Draft
  readonly activations: Draft
}

/** When each decision is active, which is while any layer it covers is: by its path, or by `choices.NAME`. */
const activityOf = (drafts: ReadonlyArray<LayerDrafts>): ReadonlyMap<string, Activity> => {
  const active = new Map<string, Activity>()
  for (const { layer, weights, activations } of drafts)
    for (const { kind, path } of [weights, activations])
      if (kind !== "fixed") {
        const key = kind === "use" ? `choices.${path}` : path
        const known = active.get(key)
        active.set(key, known === undefined ? layer.activity : either(known, layer.activity))
      }
  return active
}

/** What gives a layer its formats: the block `formats`, and its overrides, of which the first that matches counts. */
interface Source {
  readonly declared: Formats
  readonly at: YamlPath
  readonly overrides: ReturnType<typeof overridesOf>
}

const draftOf = (
  { at, declared, overrides }: Source,
  layer: LayerDraft,
  operand: Operand,
): Draft => {
  const hit = overrides.find(({ matches }) => matches(layer.path))
  const own = hit === undefined ? undefined : choiceOf(hit.override, operand)
  if (hit !== undefined && own !== undefined)
    return draft(own, operand, () => layer.path, hit.place, true)
  const found = choiceOf(declared, operand)
  if (found === undefined)
    return draft({ choice: "FP32", both: true, key: [] }, operand, () => "", at, false)
  const base = declared.scope ?? "layer"
  return draft(found, operand, (scope) => groupPath(layer, scope ?? base), at, false)
}

/** The slot of an operand; makes its decision, or finds the one that it shares with others. */
const slotOf = (
  builder: Builder,
  { at, both, kind, operand, options, overridden, path, tag }: Draft,
  active: ReadonlyMap<string, Activity>,
  key: string,
): FormatSlot => {
  const slot = (decision: number | null, offered: ReadonlyArray<FormatOption>): FormatSlot => ({
    decision,
    formats: offered.map((option) => formatOf(pairOf(option)[operand])),
    overridden,
    key,
  })
  if (kind === "fixed") return slot(null, options)
  if (kind === "use") {
    const rule = both ? aFormatOrPair : aFormat
    const used = builder.use<FormatOption>(path, at, rule, active.get(`choices.${path}`))
    return slot(used.decision, used.options)
  }
  const sizes = options.map(sizeOfFormat)
  const decision = { path, tag, role: "format", options, sizes, active: active.get(path)! } as const
  return slot(builder.decision(decision, at), options)
}

/** The block with its short forms written out: one name, or nothing at all. */
const blockOf = (formats: Formats | string | undefined): Formats =>
  formats === undefined
    ? { oneOf: ["FP32"] }
    : typeof formats === "string"
      ? { oneOf: [formats] }
      : formats

/** Gives every layer its two format slots, adding the format decisions to the builder. */
export const assignFormats = (
  builder: Builder,
  formats: Formats | string | undefined,
): ReadonlyArray<Layer> => {
  const declared = blockOf(formats)
  const at: YamlPath = ["formats"]
  if (typeof formats === "object") checkForm(builder, declared, at, true)
  checkRepeats(builder, declared, at)
  const source: Source = { declared, at, overrides: overridesOf(builder, declared) }
  const scaleOf = layerScales(builder, declared.scale)
  const drafts = builder.layers.map((layer) => ({
    layer,
    weights: draftOf(source, layer, "weights"),
    activations: draftOf(source, layer, "activations"),
  }))
  const active = activityOf(drafts)
  const keyOf = (draft: Draft): string => {
    if (draft.kind === "use") return formatPath(["choices", draft.path, "oneOf"])
    return formatPath(typeof formats === "string" ? at : draft.at)
  }
  const slot = (draft: Draft) => slotOf(builder, draft, active, keyOf(draft))
  const layers = drafts.map(({ layer, weights, activations }, i) => ({
    ...withoutPlace(layer),
    ...scaleOf(i),
    weightFormat: slot(weights),
    activationFormat: slot(activations),
  }))
  warnOfProducts(builder, layers, at)
  return layers
}
