/** The folder of a run as its sender sees it, and what of its grids the server does not know yet. */
import type { Effect } from "effect"
import type * as Sent from "./Sent.ts"

/** A run's folder (spool and `sent.json`), and what the state folder knows besides. */
export interface RunFolder {
  readonly folder: string
  /** Where the folders of grids are, by their ids. */
  readonly gridsFolder: string
  /** The grids that a trial is of. */
  readonly gridIds: ReadonlyArray<string>
  /** The experiments of MLflow that the trials of a grid are in, that of the grid first. */
  readonly experimentIdsOf: (grid: Sent.Sent) => Effect.Effect<ReadonlyArray<string>>
  /** What of a trial is on the server; undefined while it has no run there. */
  readonly sentOfTrial: (trialId: string) => Effect.Effect<Sent.Sent | undefined>
}

/** The grids whose tag a trial's run lacks. */
export const gridsLeft = ({ gridIds }: RunFolder, sent: Sent.Sent): ReadonlyArray<string> =>
  sent.kind === "grid" ? [] : gridIds.filter((gridId) => !(sent.grids ?? []).includes(gridId))
