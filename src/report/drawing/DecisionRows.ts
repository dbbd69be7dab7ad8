/** Decisions as rows of options, and the formats of layers as rows or as a table. */
import { type FormatSlot, type Layer } from "../../cost/LayerTable.ts"
import type { Chip, FormatGrid, Row } from "../../picture/BoxTree.ts"
import { optionText } from "../../space/Option.ts"
import { valueOf } from "../../space/Quantity.ts"
import type { Decision } from "../../space/Decision.ts"
import {
  below,
  fieldDecisions,
  type Found,
  type Instance,
  joined,
  type Subject,
} from "./Instances.ts"

/** The options of a decision as they are marked. */
export const chipsOf = (
  { active, choices }: Subject,
  { options }: Decision,
  index: number,
): ReadonlyArray<Chip> =>
  options.map((option, i) => ({
    text: Array.isArray(option) ? option.join(" × ") : optionText(option),
    state:
      choices === undefined
        ? "open"
        : active[index] === 1 && choices[index] === i
          ? "chosen"
          : "left",
  }))

const distinct = <A>(values: ReadonlyArray<A>): ReadonlyArray<A> => [
  ...new Map(values.map((value) => [JSON.stringify(value), value])).values(),
]

/** A row for each field; one for each repeat where these have decided differently. */
export const rowsOf = (
  subject: Subject,
  decisions: ReadonlyArray<Found<Decision>>,
): ReadonlyArray<Row> => {
  const fields = [...new Set(decisions.map(({ rest }) => rest))]
  return fields.flatMap((field) => {
    const all = decisions
      .filter(({ rest }) => rest === field)
      .map(({ index, label, value }) => ({
        label,
        role: value.role,
        chips: chipsOf(subject, value, index),
      }))
    const [first, ...others] = distinct(all.map(({ chips, role }) => ({ role, chips })))
    return others.length === 0 && first !== undefined
      ? [{ label: field, ...first }]
      : all.map((row) => ({ ...row, label: joined(field, row.label) }))
  })
}

const namesOf = ({ formats }: FormatSlot): ReadonlyArray<string> => formats.map(({ name }) => name)

/** The formats that a layer may take, weights before inputs where these differ. */
const optionsOf = ({ activationFormat, weightFormat }: Layer): ReadonlyArray<string> => {
  const [weights, inputs] = [namesOf(weightFormat), namesOf(activationFormat)]
  if (weights.join() === inputs.join()) return weights
  return weightFormat.decision === activationFormat.decision && weights.length === inputs.length
    ? weights.map((weight, i) => (weight === inputs[i] ? weight : `${weight}/${inputs[i]}`))
    : [`weights ${weights.join(" or ")}`, `inputs ${inputs.join(" or ")}`]
}

/** The formats of most layers, those that no override names. */
export const generalFormats = ({ network }: Subject): ReadonlyArray<string> => {
  const { layers } = network.table
  const general = layers.find(
    ({ activationFormat, weightFormat }) =>
      !weightFormat.overridden && !activationFormat.overridden,
  )
  return general === undefined ? [] : optionsOf(general)
}

export const isDecided = ({ activationFormat, weightFormat }: Layer): boolean =>
  weightFormat.decision !== null || activationFormat.decision !== null

/** The layers of an item. */
export const layersOf = (
  { network }: Subject,
  instances: ReadonlyArray<Instance>,
  isStage: boolean,
): ReadonlyArray<Found<Layer>> =>
  below(
    network.table.layers,
    instances.map(({ at, label }) => ({ path: at, label })),
    isStage,
  )

/** What formats layers may take where it is not what most take: fixed ones as text, options as rows. */
export const otherFormats = (subject: Subject, layers: ReadonlyArray<Found<Layer>>) => {
  const general = generalFormats(subject).join()
  const names = new Set(layers.map(({ rest }) => rest))
  const groups = new Map<string, { options: ReadonlyArray<string>; names: Set<string> }>()
  for (const { rest, value } of layers) {
    const options = optionsOf(value)
    const key = options.join()
    if (key === general) continue
    const group = groups.get(key) ?? { options, names: new Set() }
    groups.set(key, group)
    group.names.add(rest)
  }
  const labelled = [...groups.values()].map((group) => ({
    options: group.options,
    label: group.names.size === names.size ? "" : [...group.names].join(", "),
  }))
  return {
    facts: labelled
      .filter(({ options }) => options.length === 1)
      .map(({ label, options }) => joined(label, options[0]!)),
    rows: labelled
      .filter(({ options }) => options.length > 1)
      .map(({ label, options }): Row => ({
        label: joined(label, "format"),
        role: "format",
        chips: options.map((text) => ({ text, state: "open" })),
      })),
  }
}

const bitsOf = (subject: Subject): ReadonlyArray<number> => {
  const slots = subject.network.table.layers.flatMap((layer) => layer.weightFormat.formats)
  return [...new Set(slots.map(({ bits }) => bits))].sort((a, b) => a - b)
}

const formatAt = (slot: FormatSlot, { choices = [] }: Subject) =>
  slot.formats[slot.decision === null ? 0 : choices[slot.decision]!]!

/** The formats that the layers of an item have, a column for each; undefined where nothing is decided. */
export const formatGrid = (
  subject: Subject,
  layers: ReadonlyArray<Found<Layer>>,
): FormatGrid | undefined => {
  const { choices } = subject
  if (choices === undefined || layers.length === 0) return undefined
  if (!subject.network.table.layers.some(isDecided)) return undefined
  const bits = bitsOf(subject)
  const columns = [...new Set(layers.map(({ rest }) => rest))]
  const labels = [...new Set(layers.map(({ label }) => label))]
  const cellOf = (label: string, column: string) => {
    const found = layers.find((layer) => layer.label === label && layer.rest === column)
    if (found === undefined || valueOf(found.value.active, choices) === 0) return undefined
    const weight = formatAt(found.value.weightFormat, subject)
    const input = formatAt(found.value.activationFormat, subject)
    return {
      text: weight.name === input.name ? weight.name : `${weight.name}/${input.name}`,
      level: bits.length < 2 ? 0 : bits.indexOf(weight.bits) / (bits.length - 1),
    }
  }
  return {
    columns,
    rows: labels.map((label) => ({
      label: labels.length === 1 ? "" : label,
      cells: columns.map((column) => cellOf(label, column)),
    })),
  }
}

/** The decisions among operations at these places. */
export const operations = (subject: Subject, instances: ReadonlyArray<Instance>) =>
  fieldDecisions(subject, instances, false).filter(({ rest }) => rest === "op")

/** How each option is marked: not at all where the places differ. */
export const optionStates = (
  subject: Subject,
  instances: ReadonlyArray<Instance>,
): ReadonlyArray<Chip["state"]> => {
  const all = operations(subject, instances).map(({ index, value }) =>
    chipsOf(subject, value, index).map(({ state }) => state),
  )
  const isOne = new Set(all.map((states) => states.join())).size === 1
  return isOne ? all[0]! : []
}
