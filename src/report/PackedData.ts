/** What the scripts of a report read: pictures, and the page of each trial, packed. */
import { promisify } from "node:util"
import { gzip } from "node:zlib"
import { metrics as known } from "../metric/Metrics.ts"
import type { Picture } from "../picture/Picture.ts"
import { optionText } from "../space/Option.ts"
import { rounded } from "./FigureTexts.ts"
import { Html } from "./Html.ts"
import type { Named } from "./GridPictures.ts"
import type { ReportTrial } from "./ReportData.ts"

const compress = promisify(gzip)

/** An element that holds JSON as base64 of gzip: no script, and nothing that a browser shows. */
const element = async (attributes: string, value: unknown): Promise<Html> => {
  const bytes = await compress(JSON.stringify(value), { level: 4 })
  return new Html(`<script type="text/plain" ${attributes}>${bytes.toString("base64")}</script>\n`)
}

const pictureData = (name: string, { description, spec, title }: Picture) => ({
  name,
  title,
  description,
  spec,
})

const timeText = (seconds: number): string =>
  seconds < 90 ? `${rounded(seconds, 2)} seconds` : `${rounded(seconds / 60, 3)} minutes`

const percent = (share: number): string => `${rounded(100 * share, 3)} %`

/** The page of a trial, as its scripts read it. */
const trialData = (title: string, one: ReportTrial, pictures: ReadonlyArray<Named>) => {
  const { alarms, arm, assignment, commands, seconds, state, step, steps, trial, yaml } = one
  const facts = [
    `trial ${trial.id} of ${title}`,
    `arm ${arm.label}`,
    trial.seed === "" ? "" : `seed ${trial.seed}`,
    state === "finished" ? `finished, ${steps} steps` : `${state}, step ${step} of ${steps}`,
    seconds === undefined ? "" : `${timeText(seconds)} of training`,
  ]
  const words = new Map(known.map((metric) => [metric.key, metric]))
  return {
    label: trial.label,
    facts: `${facts.filter((fact) => fact !== "").join("; ")}.`,
    alarms,
    metrics: Object.entries(trial.metrics).map(([key, value]) => [
      key,
      Number(rounded(value)),
      [words.get(key)?.unit, words.get(key)?.words]
        .filter((word) => word !== "")
        .join(": ")
        .replaceAll("`", ""),
    ]),
    layers: trial.layers.map((layer) => [
      layer.path,
      layer.weightFormat,
      layer.activationFormat,
      Number(rounded(layer.macs / 1e6)),
      percent(layer.costShare),
    ]),
    assignment: Object.entries(assignment).map(([path, value]) => [path, optionText(value)]),
    commands,
    yaml,
    pictures: pictures.map(({ name, picture }) => pictureData(name, picture)),
  }
}

/** A picture of the grid. Its name is a word of ours. */
export const packPicture = ({ name, picture }: Named): Promise<Html> =>
  element(`id="picture-data-${name}" data-picture="${name}"`, pictureData(name, picture))

/** The page of a trial. */
export const packTrial = (
  title: string,
  one: ReportTrial,
  pictures: ReadonlyArray<Named>,
): Promise<Html> => element(`id="packed-${one.trial.id}"`, trialData(title, one, pictures))
