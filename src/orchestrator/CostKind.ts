/** Trials that cost about the same per step, by their declarations. */
import { measures } from "../search/Searches.ts"
import type { Trial } from "../train/Trial.ts"

export const costKindOf = (trial: Trial): string =>
  JSON.stringify([
    trial.space.name,
    trial.data.batchSize,
    measures(trial.search) ? trial.search.kind : "nothing measured",
  ])
