/**
 * A picture of one search: how the probabilities of every decision changed. One row per decision, time from left to right,
 * the options stacked in the order of the file, first (dark) to last (light); the chosen option is at the right. Left out:
 * comparing trials.
 */
import { type OptionValue, optionText } from "../space/Option.ts"
import type { TrainEvent } from "../train/TrainEvent.ts"
import { border, ends, escape, picture } from "./Svg.ts"

export interface PolicyHistory {
  readonly decisions: ReadonlyArray<{
    readonly path: string
    readonly options: ReadonlyArray<OptionValue>
  }>
  readonly history: ReadonlyArray<{
    readonly step: number
    readonly probabilities: ReadonlyArray<ReadonlyArray<number>>
  }>
}

const row = { height: 22, gap: 6 }
const left = 190
const plot = 420
const right = 150
const top = 44

/** Even steps through a perceptually ordered ramp, dark to light (viridis, sampled at five points). */
const ramp = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
] as const

const colour = (share: number): string => {
  const at = Math.min(share, 0.999999) * (ramp.length - 1)
  const i = Math.floor(at)
  const [a, b] = [ramp[i]!, ramp[i + 1]!]
  return `rgb(${a.map((from, k) => Math.round(from + (b[k]! - from) * (at - i))).join(",")})`
}

const colourOf = (option: number, options: number): string =>
  colour(options === 1 ? 0.5 : option / (options - 1))

/** The band of one option: along its upper edge, back along its lower one. */
const band = (
  history: PolicyHistory["history"],
  decision: number,
  option: number,
  x: (step: number) => number,
  y: number,
): string => {
  const edge = (upTo: number) =>
    history.map(({ step, probabilities }) => {
      const below = probabilities[decision]!.slice(0, upTo).reduce((sum, p) => sum + p, 0)
      return `${x(step).toFixed(1)},${(y + row.height * (1 - Math.min(1, below))).toFixed(1)}`
    })
  return [...edge(option + 1), ...edge(option).reverse()].join(" ")
}

/** The picture as an SVG document. Never throws; an empty history shows only the names. */
export const policyPicture = ({ decisions, history }: PolicyHistory, title: string): string => {
  const width = left + plot + right
  const height = top + decisions.length * (row.height + row.gap) + 30
  const last = history.at(-1)
  const x = (step: number) => left + (plot * step) / Math.max(1, last?.step ?? 1)
  const rows = decisions.map(({ path, options }, i) => {
    const y = top + i * (row.height + row.gap)
    const middle = y + row.height / 2 + 4
    const bands = options.map(
      (_, k) =>
        `<polygon fill="${colourOf(k, options.length)}" points="${band(history, i, k, x, y)}"/>`,
    )
    const final = last?.probabilities[i] ?? []
    const chosen = final.indexOf(Math.max(...final))
    const word = chosen < 0 ? "" : `${optionText(options[chosen]!)}  ${final[chosen]!.toFixed(2)}`
    return [
      `<text x="${left - 8}" y="${middle}" text-anchor="end">${escape(path)}</text>`,
      ...bands,
      border(left, y, { width: plot, height: row.height }),
      `<text x="${left + plot + 8}" y="${middle}">${escape(word)}</text>`,
    ].join("\n")
  })
  const sets = new Map(decisions.map(({ options }) => [options.map(optionText).join(" "), options]))
  const legend = [...sets.values()]
    .slice(0, 1)
    .flatMap((options) =>
      options.map(
        (option, k) =>
          `<rect x="${left + k * 66}" y="24" width="10" height="10" fill="${colourOf(k, options.length)}"/>` +
          `<text x="${left + k * 66 + 14}" y="33">${escape(optionText(option))}</text>`,
      ),
    )
  const steps = ends(left, left + plot, height - 8, ["step 0", String(last?.step ?? 0)])
  return picture({ width, height }, { left, text: title }, [...legend, ...rows, ...steps])
}

/** The event itself, and after the policy's file its picture. */
export const withPicture = (event: TrainEvent): ReadonlyArray<TrainEvent> =>
  event.type === "artifact" && event.path === "policy.json" && typeof event.content === "string"
    ? [
        event,
        {
          type: "artifact",
          path: "policy.svg",
          content: policyPicture(
            JSON.parse(event.content) as PolicyHistory,
            "Probability of every option, and what was chosen",
          ),
        },
      ]
    : [event]
