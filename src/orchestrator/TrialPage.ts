/**
 * What the tracker is told of a trial beyond its events, and how it is named there among the trials of its grid. Left out:
 * the words and figures themselves (`report/`).
 */
import { parse } from "../format/Formats.ts"
import { pairText } from "../format/Pair.ts"
import { isPair, optionText, type OptionValue } from "../space/Option.ts"
import type { LayerOutcome } from "../train/TrainEvent.ts"
import type { TrialFile } from "./State.ts"

/** How a trial ended. */
export interface EndedTrial {
  readonly state: "finished" | "failed"
  readonly metrics: Readonly<Record<string, number>>
  readonly assignment: Readonly<Record<string, OptionValue>>
  readonly layers: ReadonlyArray<LayerOutcome>
  readonly warnings: ReadonlyArray<{ readonly alarm: string; readonly message: string }>
  readonly message?: string
}

export interface TrialPage {
  /** Markdown; `ended` is undefined while it runs. The files are those of `files`, by their paths. */
  readonly note: (
    trial: TrialFile,
    ended: EndedTrial | undefined,
    files: ReadonlyArray<string>,
  ) => string
  /** Metrics that follow from the layers. */
  readonly derived: (layers: ReadonlyArray<LayerOutcome>) => Readonly<Record<string, number>>
  /** Pictures and other files of the finished trial, by their paths. */
  readonly files: (
    trial: TrialFile,
    ended: EndedTrial,
  ) => Promise<Readonly<Record<string, string | Uint8Array>>>
}

/** A page without words, for trials that nobody looks at in a tracker. */
export const emptyPage: TrialPage = {
  note: () => "",
  derived: () => ({}),
  files: async () => ({}),
}

/** Tags by which a trial is found and grouped: its arm, its cell, its colour. */
export const labelTags = ({ labels }: TrialFile): Readonly<Record<string, string>> =>
  labels === undefined
    ? {}
    : {
        arm: labels.arm,
        cell: labels.cell,
        ...(labels.color === undefined ? {} : { "mlflow.runColor": labels.color }),
      }

const isFormat = (value: OptionValue): boolean =>
  typeof value === "string" ? parse(value) !== undefined : isPair(value)

/** What was chosen beside formats: widths, kernels, depths, by the paths of their decisions. */
export const architectureOf = (
  assignment: EndedTrial["assignment"],
): ReadonlyArray<readonly [path: string, value: OptionValue]> =>
  Object.entries(assignment).filter(([, value]) => !isFormat(value))

/** MLflow takes 100 tags at once; a network of more layers has its formats in `layers.json` only. */
const mostLayerTags = 64

/** What else was chosen, as tags to search by: `choice.stem.kernel` = `3`. More are in `assignment.json` only. */
export const choiceTags = (
  assignment: EndedTrial["assignment"],
): ReadonlyArray<readonly [key: string, value: string]> => {
  const architecture = architectureOf(assignment)
  return architecture.length > mostLayerTags
    ? []
    : architecture.map(([path, value]) => [`choice.${path}`, optionText(value)])
}

/** The format of each layer, as tags to search by: `format.stem` = `INT4/INT8`. */
export const formatTags = (
  layers: ReadonlyArray<LayerOutcome>,
): ReadonlyArray<readonly [key: string, value: string]> =>
  layers.length > mostLayerTags
    ? []
    : layers.map(({ activationFormat, path, weightFormat }) => [
        `format.${path}`,
        pairText({ weights: weightFormat, activations: activationFormat }),
      ])
