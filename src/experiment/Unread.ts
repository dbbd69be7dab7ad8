/**
 * Settings that are written and that nothing reads, given the other settings: `reward.beta` of a search that follows
 * the quality alone.
 *
 * Each search and each data set declares what it reads (`search/`, `data/`). Left out: keys that the schema does not know.
 */
import * as Datasets from "../data/Datasets.ts"
import { valueAt } from "../declaration/Decode.ts"
import type { DeclarationError, Problem } from "../declaration/Errors.ts"
import { isDecided, unread as unreadBySearch } from "../search/Searches.ts"
import { restartsAtFreeze } from "../train/TrainSpec.ts"
import { standsAt } from "./ErrorOrigin.ts"
import { canonicalJson } from "./Canonical.ts"
import type { Experiment } from "./Experiment.ts"
import type { Override } from "./Overrides.ts"

interface Unread {
  readonly path: ReadonlyArray<string>
  readonly harmless?: ReadonlyArray<unknown>
  /** A setting that is not read, and why. */
  readonly because: string
}

const hasDelay = (search: Experiment["search"]): boolean =>
  ["reinforce", "random", "evolution"].includes(search.kind) && !isDecided(search)

/** Settings that a search does not read; one that loses nothing for its cost does not for limits either. */
const withLimits = (
  reward: Experiment["reward"],
  settings: ReturnType<typeof unreadBySearch>,
): ReturnType<typeof unreadBySearch> =>
  settings.some(({ path }) => path.join(".") === "reward.beta")
    ? [
        ...settings,
        ...(reward?.limits ?? []).map((_, i) => ({
          path: ["reward", "limits", String(i), "beta"],
        })),
      ]
    : settings

const unreadIn = (
  { data, reward, search, train }: Experiment,
  folder: string,
): ReadonlyArray<Unread> => [
  ...withLimits(reward, unreadBySearch(search, train.steps)).map((setting) => ({
    ...setting,
    because:
      setting.path[0] === "search"
        ? "with the other settings of the search it changes nothing"
        : `search.kind ${search.kind} does not read it`,
  })),
  ...(train.learningRate.kind === "step" && train.learningRate.milestones.length === 0
    ? [{ path: ["train", "learningRate", "factor"], because: "there are no milestones" }]
    : []),
  ...(restartsAtFreeze(train.learningRate) && isDecided(search)
    ? [
        {
          path: ["train", "learningRate", "restart"],
          because:
            "the search is frozen from the first step; restart.at takes a share of the steps",
        },
      ]
    : []),
  ...(hasDelay(search)
    ? []
    : ["sortChannels", "distill"].map((key) => ({
        path: ["train", key],
        because: `search.kind ${search.kind} has no delay here`,
      }))),
  ...Datasets.unread(data, folder).map(({ because, key }) => ({ path: ["data", key], because })),
]

/**
 * The settings in `written` that have no effect; warnings, by paths into the experiment.
 *
 * @param folder the folder of the experiment file
 */
export const unreadSettings = (
  experiment: Experiment,
  written: unknown,
  folder: string,
): ReadonlyArray<Problem> =>
  unreadIn(experiment, folder).flatMap(({ because, harmless = [], path }) => {
    const value = valueAt(written, path)
    if (
      value === undefined ||
      harmless.some((usual) => canonicalJson(usual) === canonicalJson(value))
    )
      return []
    return [
      {
        path,
        message: `has no effect: ${because}; leave it out`,
        severity: "warning" as const,
      },
    ]
  })

/** A cell's changes and the settings that its trials do not read. */
export interface UnreadRow {
  readonly changes: ReadonlyArray<Override>
  readonly unread: ReadonlyArray<DeclarationError>
}

/**
 * Settings that no cell reads: an error if a change sets them, because it was meant to have an effect, and a warning if the
 * file does. A value of the matrix that some of its cells do not read is also reported, because these cells train alike.
 *
 * @param writtenIn the plain value of a cell's experiment
 */
export const unreadOf = (
  rows: ReadonlyArray<UnreadRow>,
  writtenIn: (changes: ReadonlyArray<Override>) => unknown,
): {
  readonly errors: ReadonlyArray<DeclarationError>
  readonly warnings: ReadonlyArray<DeclarationError>
} => {
  const errors: Array<DeclarationError> = []
  const warnings: Array<DeclarationError> = []
  const paths = new Set(rows.flatMap(({ unread }) => unread.map(({ path }) => path)))
  for (const path of paths) {
    const keys = path.split(".")
    const written = rows.filter(
      ({ changes }) => valueAt(writtenIn(changes), keys) !== undefined,
    ).length
    const found = rows.flatMap(({ changes, unread }) =>
      unread.filter((error) => error.path === path).map((error) => ({ changes, error })),
    )
    const isWhole = found.length === written
    for (const { changes, error } of found) {
      const isOfChange = standsAt(error, changes)
      if (isWhole) (isOfChange ? errors : warnings).push(error)
      else if (isOfChange && error.flag === undefined)
        warnings.push(
          error.saying(
            `${error.message.replace("has no effect", `has no effect in ${found.length} of ${written} combinations`)}`,
          ),
        )
    }
  }
  return { errors, warnings }
}
