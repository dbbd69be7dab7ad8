/**
 * The blocks of a trial that may name files in place of values, and trials with the contents of these files filled in.
 *
 * Each kind declares which files it reads (`NamedFile`). Left out: reading them (`Files.ts`).
 */
import * as Costs from "../cost/Costs.ts"
import { costOf } from "../cost/LimitKinds.ts"
import { valueAt } from "../declaration/Decode.ts"
import type { Path } from "../declaration/Errors.ts"
import { type NamedFile, type NamedFiles, unreadFiles } from "../declaration/NamedFile.ts"
import * as Searches from "../search/Searches.ts"
import type { Trial } from "../train/Trial.ts"
import { idOf } from "./Canonical.ts"
import { assign } from "./Overrides.ts"

type Blocks = Pick<Trial, "search" | "reward">

interface Block {
  readonly path: Path
  readonly block: object
  readonly files: NamedFiles
}

const blocksOf = ({ reward, search }: Blocks): ReadonlyArray<Block> => [
  { path: ["search"], block: search, files: Searches.filesOf(search) },
  ...(reward === undefined
    ? []
    : [
        { path: ["reward", "cost"], block: reward.cost, files: Costs.filesOf(reward.cost) },
        ...(reward.limits ?? []).map((limit, i) => {
          const cost = costOf(limit)
          const files = cost === undefined ? {} : Costs.filesOf(cost)
          return { path: ["reward", "limits", i], block: limit, files }
        }),
      ]),
]

/** A file that a trial names. */
export interface Named {
  /** Where the file is named: `reward.cost.table`. */
  readonly path: Path
  /** The path of the file as written. */
  readonly name: string
  readonly file: NamedFile
}

/** The files that the blocks of a trial name. */
export const namedIn = (trial: Blocks): ReadonlyArray<Named> =>
  blocksOf(trial).flatMap(({ block, files, path }) =>
    unreadFiles(files, block).map(({ file, key, path: name }) => ({
      path: [...path, key],
      name,
      file,
    })),
  )

/** What was read for a path of a trial. */
export interface Contents {
  readonly path: Path
  readonly value: unknown
}

/** A trial with values in place of others. */
const withValues = <A extends Blocks>(trial: A, values: ReadonlyArray<Contents>): A =>
  values.reduce((changed, { path, value }) => assign(changed, path, value) as A, trial)

/** A trial with the contents of its files in place of their names. */
export const withContents = withValues

/** A trial for parameters: where a file holds too much to list, a digest of its contents stands in its place. */
export const withDigests = <A extends Blocks>(trial: A): A =>
  withValues(
    trial,
    blocksOf(trial).flatMap(({ block, files, path }) =>
      Object.entries(files).flatMap(([key, { isLarge = false }]) =>
        isLarge ? [{ path: [...path, key], value: idOf(valueAt(block, [key])) }] : [],
      ),
    ),
  )
