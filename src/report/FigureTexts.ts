/**
 * Figures as a person reads them: four digits, points of accuracy, intervals. The same words in tables, notes and reports.
 *
 * Left out: the figures (`Figures.ts`), tables (`cli/`).
 */
import { final, metrics } from "../metric/Metrics.ts"
import type { Spread } from "./Arms.ts"
import type { Difference } from "./Figures.ts"

/** A number in four significant digits: `0.1234`, `12570`, `0.0000123`. */
export const rounded = (value: number, digits = 4): string => {
  if (!Number.isFinite(value)) return String(value)
  const few = Number(value.toPrecision(digits))
  return String(Math.abs(value) >= 10 ** digits && Math.abs(value) < 1e15 ? Math.round(value) : few)
}

/** `0.4607 ± 0.0042`; one trial has no spread. */
export const spreadText = ({ deviation, mean }: Spread): string =>
  deviation === undefined ? rounded(mean) : `${rounded(mean)} ± ${rounded(deviation, 2)}`

const unitOf = (key: string): string | undefined => metrics.find((one) => one.key === key)?.unit

/** A metric over the seeds: qualities with their spread, costs and bits by their mean alone. */
export const meanText = (key: string, spread: Spread): string =>
  ["share", "nats"].includes(unitOf(key) ?? "") ? spreadText(spread) : rounded(spread.mean)

const costUnits: Readonly<Record<string, string>> = {
  [final.gbops.key]: "GBOPs",
  [final.memoryBytes.key]: "bytes",
}

/** `0.0512 GBOPs`: what something costs. */
export const costAmount = (key: string, value: number): string =>
  `${rounded(value)} ${costUnits[key] ?? `(${key})`}`

const isShare = (key: string): boolean => unitOf(key) === "share"

/** A difference with its sign; of a share in points: `+2.1`. */
export const signedText = (key: string, value: number): string => {
  const size = isShare(key) ? Math.abs(100 * value).toFixed(1) : rounded(Math.abs(value), 3)
  return `${value < 0 && Number(size) !== 0 ? "-" : "+"}${size}`
}

/** `+2.1 [+0.9, +3.3]`, for a cell of a table; at another cost `+4.0 [+3.9, +4.2] at 1.27x`. */
export const differenceCell = ({ costRatio, interval, mean, metric, side }: Difference): string => {
  const signed = (value: number) => signedText(metric, value)
  const range =
    interval === undefined ? [] : [`[${signed(interval.low)}, ${signed(interval.high)}]`]
  const at = costRatio === undefined || side === "near" ? [] : [`at ${rounded(costRatio, 3)}x`]
  return [signed(mean), ...range, ...at].join(" ")
}

/** What a cost ratio says beside a difference; empty at equal cost. */
export const costText = ({ costRatio, side }: Difference): string =>
  costRatio === undefined
    ? "at an unknown cost"
    : side === "near"
      ? "at equal cost"
      : `at ${rounded(costRatio, 3)} times its cost`

/** `+2.1 points against uniform INT4 at equal cost; mean of 3 seeds, 95 % interval +0.9 to +3.3`. */
export const differenceText = (difference: Difference): string => {
  const { against, interval, mean, metric, pairs } = difference
  const unit = isShare(metric) ? " points" : ` in ${metric}`
  const signed = (value: number) => signedText(metric, value)
  const over =
    interval === undefined
      ? "one seed shows no more than that"
      : `mean of ${pairs} seeds, 95 % interval ${signed(interval.low)} to ${signed(interval.high)}`
  return `${signed(mean)}${unit} against ${against.label} ${costText(difference)}; ${over}`
}
