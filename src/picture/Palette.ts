/**
 * One hue an arm: the n-th arm of a plan that is no control has the n-th hue, whatever else is shown. After the last hue
 * they begin again, with another shape and another dash. Controls are grey: what a search is compared with is ground, not
 * figure.
 */
import type { Role } from "./Picture.ts"
import { colours, type Theme } from "./Theme.ts"

/** The colour of every arm by its name, `#rrggbb`; arms in the order of the plan. */
export const armColours = (
  arms: ReadonlyArray<{ readonly name: string; readonly role: Role }>,
  theme: Theme = "light",
): ReadonlyMap<string, string> => {
  const { control, hues } = colours[theme]
  let next = 0
  return new Map(
    arms.map(({ name, role }) => [name, role === "search" ? hues[next++ % hues.length]! : control]),
  )
}

export const hueCount = colours.light.hues.length

/** How lines of the n-th round of hues are dashed. */
export const dashes: ReadonlyArray<ReadonlyArray<number>> = [
  [1, 0],
  [6, 3],
  [2, 2],
  [8, 3, 2, 3],
]
