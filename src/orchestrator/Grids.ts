/**
 * The grids of a state folder and the trials in them. A trial keeps the grid that first planned it, but is of every grid
 * that plans it: what a grid's `grid.json` lists is what counts. Left out: running one (`RunGrid`).
 */
import { Effect } from "effect"
import * as State from "./State.ts"

/** Every grid that was ever run here, the oldest first; one whose record cannot be read is left out. */
export const readAll = Effect.fnUntraced(function* (state: string) {
  const grids = yield* Effect.forEach(yield* State.gridIds(state), (gridId) =>
    State.readGrid(State.gridFile(state, gridId)).pipe(
      Effect.catch((error) => Effect.as(Effect.logWarning(error.message), undefined)),
    ),
  )
  return grids
    .filter((grid) => grid !== undefined)
    .sort((a, b) => a.startedAt - b.startedAt || (a.gridId < b.gridId ? -1 : 1))
})

/** The grids that each trial is of. */
export const memberships = Effect.fnUntraced(
  function* (state: string) {
    const found = new Map<string, Array<string>>()
    for (const { gridId, trials } of yield* readAll(state))
      for (const trial of new Set(trials)) found.set(trial, [...(found.get(trial) ?? []), gridId])
    return found as ReadonlyMap<string, ReadonlyArray<string>>
  },
  Effect.catch((error) =>
    Effect.as(
      Effect.logWarning(error.message),
      new Map() as ReadonlyMap<string, ReadonlyArray<string>>,
    ),
  ),
)

/** The grids of one trial, the one that first planned it first. */
export const gridIdsOf = (
  { gridId, id }: Pick<State.TrialFile, "gridId" | "id">,
  found: ReadonlyMap<string, ReadonlyArray<string>>,
): ReadonlyArray<string> => [...new Set([gridId, ...(found.get(id) ?? [])])]
