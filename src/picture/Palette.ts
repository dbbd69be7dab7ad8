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

/** The hues of searches on a light ground. */
export const hues = colours.light.hues
export const hueCount = hues.length

/** Shares of black (below 0) or white that the rounds of a colour are mixed with. */
const mixtures = [0, -0.38, 0.48, -0.68]

/** The colour as it is in round 0, darker or paler in the next three. `#rrggbb`. */
export const shade = (colour: string, round: number): string => {
  const share = mixtures[round % mixtures.length]!
  const ground = share < 0 ? 0 : 255
  const channels = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))
  const mixed = channels.map((one) => Math.round(one + (ground - one) * Math.abs(share)))
  return `#${mixed.map((one) => one.toString(16).padStart(2, "0")).join("")}`
}

/** How lines of the n-th round of hues are dashed. */
export const dashes: ReadonlyArray<ReadonlyArray<number>> = [
  [1, 0],
  [6, 3],
  [2, 2],
  [8, 3, 2, 3],
]
