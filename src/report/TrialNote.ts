/**
 * The note of a trial in the tracker: what it is, what came out, its alarms, the formats of its layers, commands to look
 * at it, repeat it and export it. Left out: the note of a grid (`GridNote.ts`).
 */
import { pairText } from "../format/Pair.ts"
import { derived, final, limits, type Metric } from "../metric/Metrics.ts"
import { architectureOf, type EndedTrial } from "../orchestrator/TrialPage.ts"
import type { TrialFile } from "../orchestrator/State.ts"
import { optionText } from "../space/Option.ts"
import { rounded } from "./FigureTexts.ts"
import { codeBlock, escaped, markdownTable } from "./Markdown.ts"

/** The note of MLflow holds 8 000 characters: longer tables end with a link to the whole. */
const mostLayers = 60

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`

const splitOf = ({ parameters }: TrialFile): string =>
  parameters["finish.evaluate"] === "heldOut" ? "held-out images" : "test images"

/** `; 81.3 % on test images at 0.0048 GBOPs`: MLflow folds the table below. */
const resultText = (trial: TrialFile, ended: EndedTrial | undefined): string => {
  const accuracy = ended?.metrics[final.accuracy.key]
  const gbops = ended?.metrics[final.gbops.key]
  if (accuracy === undefined) return ""
  const cost = gbops === undefined ? "" : ` at ${rounded(gbops)} GBOPs`
  return `; ${percent(accuracy)} on ${splitOf(trial)}${cost}`
}

/** `Search by reinforce in the space resnet8 on cifar10: 4000 steps, seed 2; 61.2 % on test images at 0.051 GBOPs.` */
const sentence = (trial: TrialFile, ended: EndedTrial | undefined): string => {
  const { parameters, steps } = trial
  const of = (key: string) => parameters[key]
  const kind = of("search.kind") ?? "trial"
  const control = of("control")
  const what =
    control === undefined
      ? `Search by ${kind}`
      : `Control (${control}${of("search.uniform") === undefined ? "" : `, ${of("search.uniform")}`})`
  return escaped(
    `${what} in the space ${of("space.name") ?? "?"} on ${of("data.kind") ?? "?"}: ${steps} steps, seed ${of("seed") ?? "?"}${resultText(trial, ended)}.`,
  )
}

const results = (trial: TrialFile, { metrics }: EndedTrial): ReadonlyArray<string> => {
  const shown: ReadonlyArray<readonly [Metric, string, (value: number) => string]> = [
    [final.accuracy, `accuracy on ${splitOf(trial)}`, percent],
    [final.costOverTarget, "cost / target", rounded],
    ...Object.entries(limits).map(
      ([kind, metric]) => [metric, `${kind} / limit`, rounded] as const,
    ),
    [final.gbops, "GBOPs", rounded],
    [final.memoryBytes, "bytes of weights", rounded],
    [derived.weightBits, "mean bits, weights", rounded],
    [derived.activationBits, "mean bits, activations", rounded],
    [final.retrainAccuracy, "accuracy after retraining", percent],
    [final.fineTunedAccuracy, "accuracy after fine-tuning", percent],
  ]
  const there = shown.flatMap(([{ key }, name, text]) => {
    const value = metrics[key]
    return value === undefined ? [] : [[name, text(value)] as const]
  })
  return there.length === 0
    ? []
    : markdownTable(
        there.map(([name]) => name),
        [there.map(([, text]) => text)],
      )
}

/** `Formats: **INT4** stem, body; **INT8** classifier`: short, because MLflow folds a note after a few lines. */
const formatLine = (layers: EndedTrial["layers"]): ReadonlyArray<string> => {
  const paths = new Map<string, Array<string>>()
  for (const { activationFormat: activations, path, weightFormat: weights } of layers) {
    const format = pairText({ weights, activations })
    paths.set(format, [...(paths.get(format) ?? []), path])
  }
  const groups = [...paths].map(([format, all]) => `**${format}** ${escaped(all.join(", "))}`)
  return groups.length === 0 ? [] : [`Formats: ${groups.join("; ")}`]
}

/** `Architecture: stem.kernel **3**, stem.filters **16**`: what was chosen beside the formats. */
const architectureLine = (assignment: EndedTrial["assignment"]): ReadonlyArray<string> => {
  const all = architectureOf(assignment)
  const shown = all
    .slice(0, mostLayers)
    .map(([path, value]) => `${escaped(path)} **${escaped(optionText(value))}**`)
  const more =
    all.length > mostLayers ? ["the rest in [assignment.json](fliqs:artifact/assignment.json)"] : []
  return all.length === 0 ? [] : [`Architecture: ${[...shown, ...more].join(", ")}`]
}

const layerTable = (layers: EndedTrial["layers"]): ReadonlyArray<string> => [
  "### Formats of its layers",
  "",
  ...markdownTable(
    ["layer", "weights", "activations", "MMACs", "share of cost"],
    layers
      .slice(0, mostLayers)
      .map((layer) => [
        escaped(layer.path),
        layer.weightFormat,
        layer.activationFormat,
        rounded(layer.macs / 1e6),
        percent(layer.costShare),
      ]),
  ),
  ...(layers.length > mostLayers
    ? ["", `${layers.length - mostLayers} more in [layers.json](fliqs:artifact/layers.json)`]
    : []),
]

const alarms = (warnings: EndedTrial["warnings"]): ReadonlyArray<string> =>
  warnings.map(({ message }) => `- **Alarm:** ${escaped(message)}`)

const commands = ({ id }: TrialFile): ReadonlyArray<string> => [
  "### Commands",
  "",
  ...codeBlock(
    [
      `fliqs show ${id}`,
      `fliqs pull ${id} --out ${id}   # its files; repeat it with the next line`,
      `fliqs run ${id}/experiment.yaml`,
      `fliqs export ${id} --to onnx --out ${id}.onnx`,
    ].join("\n"),
  ),
]

/** The note; `pictures` are files of the run to show. */
export const trialNote = (
  trial: TrialFile,
  ended: EndedTrial | undefined,
  pictures: ReadonlyArray<{ readonly title: string; readonly path: string }> = [],
): string => {
  const parts: ReadonlyArray<ReadonlyArray<string>> = [
    [...formatLine(ended?.layers ?? []), ...architectureLine(ended?.assignment ?? {})],
    [sentence(trial, ended)],
    ...(ended === undefined
      ? [["It is running; results come when it has finished."]]
      : ended.state === "failed"
        ? [[`**It failed:** ${escaped(ended.message ?? "see its log")}`]]
        : [results(trial, ended)]),
    alarms(ended?.warnings ?? []),
    ended === undefined || ended.layers.length === 0 ? [] : layerTable(ended.layers),
    pictures.map(({ path, title }) => `![${escaped(title)}](fliqs:file/${path})`),
    commands(trial),
  ]
  return parts
    .filter((part) => part.length > 0)
    .map((part) => part.join("\n"))
    .join("\n\n")
}
