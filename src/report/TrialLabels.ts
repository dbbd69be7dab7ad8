/** What the tracker calls the trials of a grid, before any of them has run. */
import { shortKeys, type PlannedTrial } from "../experiment/PlannedTrial.ts"
import type { TrialFile } from "../orchestrator/State.ts"
import { kindKey } from "./ArmLabels.ts"
import { hues, shade } from "../picture/Palette.ts"
import { type Figures, figuresOf } from "./Figures.ts"
import { rolesOf } from "./PictureData.ts"
import { recordOf } from "./TrialRecords.ts"

type Described = Pick<PlannedTrial, "id" | "cell" | "parameters">

/** `times=1.5 seed=2`: the cell of the matrix, as far as trials differ. */
const cellText = (cell: Described["cell"], keys: ReadonlyArray<string>): string => {
  const names = shortKeys(keys)
  return keys.flatMap((key) => (key in cell ? [`${names.get(key)}=${cell[key]}`] : [])).join(" ")
}

/** Controls are grey in pictures; in charts of MLflow, which know no other marks, they must still differ. */
const greys = ["#6b6b6b", "#a3a3a3", "#454545", "#c4c4c4"]

/** The n-th of a round of colours that begins again, darker or paler each time. */
const inRounds = (colours: ReadonlyArray<string>, n: number): string =>
  shade(colours[n % colours.length]!, Math.floor(n / colours.length))

/** The colour of each arm, of a search as in pictures; no two alike among the first 24 searches and 16 controls. */
const coloursOf = (figures: Figures): ReadonlyMap<string, string> => {
  const roles = rolesOf(figures)
  const ofRole = (isSearch: boolean, colours: ReadonlyArray<string>) =>
    roles
      .filter(({ role }) => (role === "search") === isSearch)
      .map(({ name }, n) => [name, inRounds(colours, n)] as const)
  return new Map([...ofRole(true, hues), ...ofRole(false, greys)])
}

/** Names, arms and cells by the ids of the trials, and the keys in which the trials differ. */
export const trialLabels = (trials: ReadonlyArray<Described>) => {
  const figures = figuresOf(trials.map((trial) => recordOf(trial, "planned", undefined)))
  const keys = [...figures.differing, "seed"]
  const colours = coloursOf(figures)
  const labels = new Map<string, NonNullable<TrialFile["labels"]>>()
  for (const arm of figures.arms)
    for (const { cell, id, label } of arm.trials) {
      // A control's search follows from the control.
      const own = arm.control === undefined ? keys : keys.filter((key) => key !== kindKey)
      const color = colours.get(arm.label)
      labels.set(id, {
        name: label,
        arm: arm.label,
        cell: cellText(cell, own) || arm.label,
        ...(color === undefined ? {} : { color }),
      })
    }
  return { labels, colours, differing: figures.differing, cost: figures.cost }
}

/** The parameters in which all trials agree. */
export const sharedParameters = (
  trials: ReadonlyArray<Pick<Described, "parameters">>,
): Readonly<Record<string, string>> => {
  const [first, ...rest] = trials
  return Object.fromEntries(
    Object.entries(first?.parameters ?? {}).filter(([key, value]) =>
      rest.every(({ parameters }) => parameters[key] === value),
    ),
  )
}
