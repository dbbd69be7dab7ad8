/** In words, which arm is best at each cost, and by how much. */
import type { CostLevel } from "../../report/Figures.ts"
import { differenceText, rounded } from "../../report/FigureTexts.ts"

const most = 8

/** `best at final/gbops 0.05129: x1 reinforce, +0.5 points against ...`, for every cost of a search and its rivals. */
export const bestTexts = (
  cost: string,
  levels: ReadonlyArray<CostLevel>,
): ReadonlyArray<string> => {
  const lines = levels.flatMap(({ arms, cost: at, lead }) => {
    const [best] = arms
    return best === undefined || lead === undefined || !arms.some(({ isSearch }) => isSearch)
      ? []
      : [`best at ${cost} ${rounded(at)}: ${best.label}, ${differenceText(lead)}`]
  })
  return lines.length <= most
    ? lines
    : [...lines.slice(0, most), `and at ${lines.length - most} other costs`]
}
