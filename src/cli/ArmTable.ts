/** The arms of a grid as a table: mean and spread over the seeds, and each arm's difference to its control. */
import { final } from "../metric/Metrics.ts"
import type { Figures } from "../report/Figures.ts"
import {
  costText,
  differenceCell,
  differenceText,
  rounded,
  spreadText,
} from "../report/FigureTexts.ts"
import { table } from "./Output.ts"

/** Undefined where no arm has a finished trial. */
export const armTable = ({ arms, cost, quality }: Figures): string | undefined => {
  const known = new Set(arms.flatMap(({ metrics }) => Object.keys(metrics)))
  const columns = [quality, cost, final.costOverTarget.key].filter((key) => known.has(key))
  if (!known.has(quality)) return undefined
  return table(
    ["", "arm", "seeds", ...columns, "difference", "against"],
    arms.map(({ difference, isOnFront, label, metrics, trials }) => [
      isOnFront ? "*" : "",
      label,
      `${metrics[quality]?.n ?? 0}/${trials.length}`,
      ...columns.map((key) => (metrics[key] === undefined ? "" : spreadText(metrics[key]))),
      difference === undefined ? "" : differenceCell(difference),
      difference === undefined ? "" : `${difference.against.label} ${costText(difference)}`,
    ]),
  )
}

/** The best arm at each cost at which there are several: `at 0.05178 GBOPs ...`. */
export const bestTexts = ({ cost, levels }: Figures): ReadonlyArray<string> =>
  levels.flatMap(({ arms: [best], cost: at, lead }) =>
    best === undefined || lead === undefined
      ? []
      : [`best at ${cost} ${rounded(at)}: ${best.label}, ${differenceText(lead)}`],
  )
