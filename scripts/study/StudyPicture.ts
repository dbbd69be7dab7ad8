/**
 * A picture of a study: a row for each arm, a dot for the accuracy of each seed, a bar at their mean, at the right what
 * its networks cost. SVG without scripts or outside parts.
 */
import { accuraciesOf, type Arm, costOf } from "./Study.ts"
import { ends, escape, picture } from "../../src/report/Svg.ts"

const row = 26
const left = 310
const plot = 420
const right = 80
const top = 40

const short = (value: number): string => String(Number(value.toPrecision(4)))

/** The picture as an SVG document; arms without a finished trial have an empty row. */
export const studyPicture = (arms: ReadonlyArray<Arm>, title: string): string => {
  const all = arms.flatMap(({ finished }) => accuraciesOf(finished))
  const low = Math.floor(100 * Math.min(...all)) / 100
  const high = Math.max(low + 0.01, Math.ceil(100 * Math.max(...all)) / 100)
  const x = (accuracy: number) => (left + (plot * (accuracy - low)) / (high - low)).toFixed(1)
  const width = left + plot + right
  const bottom = top + arms.length * row
  const rows = arms.flatMap(({ finished, name }, i) => {
    const y = top + i * row + row / 2
    const values = accuraciesOf(finished)
    const mean = values.reduce((a, b) => a + b, 0) / values.length
    return [
      `<text x="${left - 10}" y="${y + 4}" text-anchor="end">${escape(name)}</text>`,
      `<line x1="${left}" y1="${y}" x2="${left + plot}" y2="${y}" stroke="#ddd"/>`,
      ...values.map(
        (value) => `<circle cx="${x(value)}" cy="${y}" r="4" fill="#3b528b" fill-opacity="0.6"/>`,
      ),
      ...(values.length === 0
        ? []
        : [
            `<text x="${left + plot + 10}" y="${y + 4}">${short(costOf(arms[i]!))}</text>`,
            `<rect x="${Number(x(mean)) - 1}" y="${y - 9}" width="2" height="18" fill="#440154"/>`,
          ]),
    ]
  })
  const percent = (value: number) => `${(100 * value).toFixed(0)} %`
  const bounds = ends(left, left + plot, bottom + 16, [percent(low), percent(high)])
  const head = `<text x="${left + plot + 10}" y="${top - 6}" fill="#555">cost</text>`
  const parts = all.length === 0 ? [] : [head, ...rows, ...bounds]
  return picture({ width, height: bottom + 26 }, { left, text: title }, parts)
}
