/**
 * A space as a drawing of boxes: its items from top to bottom, those inside of others in them, decisions with their options,
 * and which were taken where there is an assignment. Left out: where boxes stand and how they look
 * (`picture/BoxLayout.ts`, `picture/BoxSvg.ts`).
 */
import type { Network } from "../../network/Network.ts"
import type { Space } from "../../network/SpaceFile.ts"
import type { Box, BoxDrawing, Row } from "../../picture/BoxTree.ts"
import { activity } from "../../space/DecisionSpace.ts"
import type { Choices } from "../../space/Decision.ts"
import { chipsOf, generalFormats, isDecided } from "./DecisionRows.ts"
import { shapeText } from "./ItemFacts.ts"
import { joined, type Subject } from "./Instances.ts"
import { ItemDrawer } from "./ItemDrawer.ts"

/** The formats of most layers, where a search decides them. */
const formatsRow = (space: Space, subject: Subject): ReadonlyArray<Row> => {
  if (!subject.network.table.layers.some(isDecided)) return []
  const scope = typeof space.formats === "object" ? (space.formats.scope ?? "layer") : "layer"
  const state = subject.choices === undefined ? "open" : "left"
  return [
    {
      label: scope === "model" ? "format of all layers" : `formats of each ${scope}`,
      role: "format",
      chips: generalFormats(subject).map((text) => ({ text, state })),
    },
  ]
}

/** The one format of most layers, where nothing decides it. */
const formatsLine = (subject: Subject): ReadonlyArray<string> => {
  const { layers } = subject.network.table
  const general = generalFormats(subject)
  return layers.some(isDecided) || general.length === 0 || general[0] === "FP32"
    ? []
    : [`Layers in ${general.join(", ")}.`]
}

/** Decisions that belong to no item. */
const sharedRows = (subject: Subject): ReadonlyArray<Row> =>
  subject.network.space.decisions.flatMap((decision, index) => {
    const { path, role } = decision
    const isShared = /^(choices\.[^.]+|input\.size|widthMultiplier)$/.test(path)
    return isShared
      ? [{ label: path.replace("choices.", ""), role, chips: chipsOf(subject, decision, index) }]
      : []
  })

const boxWords = ({ kind, times = "", title }: Box): string =>
  joined(title, kind === "" ? "" : `(${kind})`, times)

/** A space as it is drawn; `lines` stand under its name, beside the description. */
export const drawingOf = (
  space: Space,
  network: Network,
  {
    choices,
    lines = [],
  }: { readonly choices?: Choices; readonly lines?: ReadonlyArray<string> } = {},
): BoxDrawing => {
  const subject: Subject = {
    network,
    choices,
    active: choices === undefined ? new Uint8Array() : activity(network.space, choices),
  }
  const drawer = new ItemDrawer(space, subject)
  const stack = drawer.stack(space.network, [{ at: "", decisions: "", label: "" }])
  const parts = drawer.parts()
  const about = [
    ...(space.description === undefined ? [] : [space.description]),
    ...lines,
    ...formatsLine(subject),
  ]
  const input =
    network.graph.nodes.find(({ operation }) => operation === "resize") ?? network.graph.nodes[0]!
  return {
    title: space.name,
    description: [
      ...about.map((line) => (/[.!?]$/.test(line) ? line : `${line}.`)),
      `From top to bottom: ${stack.steps.map(({ box }) => boxWords(box)).join(", ")}.`,
    ].join(" "),
    lines: about,
    rows: [...sharedRows(subject), ...formatsRow(space, subject)],
    input: `input ${shapeText(input.shape, choices)}`,
    network: stack,
    parts,
    isDecided: choices !== undefined,
    roles: [...new Set(network.space.decisions.map(({ role }) => role))],
  }
}
