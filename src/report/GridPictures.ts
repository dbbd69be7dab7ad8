/**
 * The pictures of a grid and of a trial, from figures and curves: what the report, MLflow and `compare --out` show. Left
 * out: numbers (`Figures.ts`), how a picture looks (`picture/`), drawing it (`picture/Render.ts`).
 */
import { type Curves, learningPicture, searchPicture } from "../picture/CurvesPicture.ts"
import { formatsPicture } from "../picture/FormatsPicture.ts"
import { frontPicture, type Span } from "../picture/FrontPicture.ts"
import { type Dimension, parallelPicture } from "../picture/ParallelPicture.ts"
import type { Picture } from "../picture/Picture.ts"
import { type PolicyHistory, policyPicture } from "../picture/PolicyPicture.ts"
import { seedsPicture } from "../picture/SeedsPicture.ts"
import { sharePicture } from "../picture/SharePicture.ts"
import { optionText, type OptionValue } from "../space/Option.ts"
import type { Arm, ArmTrial, Spread } from "./Arms.ts"
import type { Figures } from "./Figures.ts"
import { rounded } from "./FigureTexts.ts"
import type { Objective } from "./Pareto.ts"
import {
  axisOf,
  choicesOf,
  costTitle,
  curvesOf,
  roleOf,
  rolesOf,
  type TrialCurves,
} from "./PictureData.ts"

/** A picture and what its files are called. */
export interface Named {
  readonly name: string
  readonly picture: Picture
}

/** What of a grid is not in its figures. */
export interface GridHistory {
  readonly title: string
  /** Id of a trial -> its curves. */
  readonly curves: ReadonlyMap<string, TrialCurves>
  /** Id of a search -> its target, in the unit of its cost. */
  readonly targets: ReadonlyMap<string, number>
}

/** The policy of a trial as `policy.json` keeps it. */
export interface PolicyFile {
  readonly decisions: ReadonlyArray<{
    readonly path: string
    readonly options: ReadonlyArray<OptionValue>
  }>
  readonly history: PolicyHistory["history"]
}

const spanOf = ({ deviation, mean }: Spread): Span | undefined =>
  deviation === undefined ? undefined : { low: mean - deviation, high: mean + deviation }

/** Two metrics of the arms, the first upwards, the second to the right. */
export const frontOf = (
  figures: Figures,
  title: string,
  [y, x]: readonly [Pick<Objective, "key">, Pick<Objective, "key">] = [
    { key: figures.quality },
    { key: figures.cost },
  ],
): Picture => {
  const { arms } = figures
  const spans = arms.some((arm) => (arm.metrics[y.key]?.n ?? 0) > 1)
  return frontPicture({
    title,
    subtitle: `${spans ? "arms at their mean over the seeds, bars: one standard deviation; " : ""}line: Pareto front`,
    x: axisOf(x.key),
    y: axisOf(y.key),
    arms: arms.flatMap((arm) => {
      const [across, up] = [arm.metrics[x.key], arm.metrics[y.key]]
      if (across === undefined || up === undefined) return []
      const [xSpan, ySpan] = [spanOf(across), spanOf(up)]
      const role = roleOf(arm)
      return [
        {
          name: arm.label,
          ...(role === "uniform" ? { label: arm.label.replace(/^uniform /, "") } : {}),
          role,
          x: across.mean,
          y: up.mean,
          ...(xSpan === undefined ? {} : { xSpan }),
          ...(ySpan === undefined ? {} : { ySpan }),
          seeds: up.n,
          isOnFront: arm.isOnFront,
        },
      ]
    }),
    trials: arms
      .filter(({ trials }) => trials.length > 1)
      .flatMap((arm) =>
        arm.trials.flatMap(({ id, label, metrics }) => {
          const [across, up] = [metrics[x.key], metrics[y.key]]
          return across === undefined || up === undefined
            ? []
            : [{ id, name: label, arm: arm.label, role: roleOf(arm), x: across, y: up }]
        }),
      ),
  })
}

/** Every arm with the quality of its seeds, and its cost beside it. */
const seedsOf = ({ arms, cost, quality }: Figures, title: string): Picture =>
  seedsPicture({
    title,
    x: axisOf(quality),
    noteTitle: axisOf(cost).title,
    arms: arms.map((arm) => {
      const { label, metrics, trials } = arm
      const [mean, price] = [metrics[quality]?.mean, metrics[cost]?.mean]
      return {
        name: label,
        role: roleOf(arm),
        ...(mean === undefined ? {} : { mean }),
        values: trials.flatMap((trial) => {
          const value = trial.metrics[quality]
          return value === undefined ? [] : [{ name: trial.label, value }]
        }),
        note: price === undefined ? "" : rounded(price),
      }
    }),
  })

const chosen = ({ arms }: Figures) =>
  arms.flatMap((arm) =>
    arm.trials.filter(({ layers }) => layers.length > 0).map((trial) => choicesOf(trial, arm)),
  )

/** Axes of the grid: what differs, then what came out. */
const dimensionsOf = ({ arms, cost, differing, quality }: Figures): ReadonlyArray<Dimension> => {
  const seeds = new Set(arms.flatMap(({ trials }) => trials.map(({ seed }) => seed)))
  return [
    ...differing.map((key) => ({ key, title: key.split(".").slice(-2).join(" ") })),
    ...(seeds.size > 1 ? [{ key: "seed", title: "seed" }] : []),
    { key: cost, ...axisOf(cost), title: costTitle(cost) },
    { key: quality, ...axisOf(quality) },
  ]
}

const number = (text: string): string | number =>
  text !== "" && Number.isFinite(Number(text)) ? Number(text) : text

const parallelOf = (figures: Figures, title: string): Picture => {
  const { arms, cost, quality } = figures
  const dimensions = dimensionsOf(figures)
  return parallelPicture({
    title,
    dimensions,
    colour: quality,
    trials: arms.flatMap((arm) =>
      arm.trials
        .filter(({ metrics }) => metrics[quality] !== undefined)
        .map((trial) => ({
          id: trial.id,
          name: trial.label,
          values: Object.fromEntries(
            dimensions.flatMap(({ key }) => {
              const value =
                key === cost || key === quality
                  ? trial.metrics[key]
                  : (trial.parameters[key] ?? trial.cell[key])
              if (value === undefined) return []
              return [[key, typeof value === "number" ? value : number(value)] as const]
            }),
          ),
        })),
    ),
  })
}

const curvesBy = (
  figures: Figures,
  title: string,
  { curves, targets }: Omit<GridHistory, "title">,
  isTaken: (arm: Arm) => boolean,
): Curves => {
  const front = figures.arms.filter(({ isOnFront }) => isOnFront)
  const rest = figures.arms.filter(({ isOnFront }) => !isOnFront)
  return {
    title,
    arms: rolesOf(figures),
    highlighted: [...front, ...rest].map(({ label }) => label),
    trials: figures.arms.filter(isTaken).flatMap((arm) =>
      arm.trials.flatMap(({ id, label }) => {
        const own = curves.get(id)
        return own === undefined
          ? []
          : [{ id, name: label, arm: arm.label, curves: curvesOf(own, targets.get(id)) }]
      }),
    ),
  }
}

/** All pictures of a grid, the most telling first; those without anything to show are left out. */
export const gridPictures = (figures: Figures, history: GridHistory): ReadonlyArray<Named> => {
  const { arms, quality } = figures
  const { title } = history
  const trials = chosen(figures)
  const isFinished = arms.some(({ metrics }) => metrics[quality] !== undefined)
  const searching = curvesBy(figures, `${title}: the search`, history, ({ isSearch }) => isSearch)
  const learning = curvesBy(figures, `${title}: learning curves`, history, () => true)
  const arm = rolesOf(figures)
  return [
    ...(isFinished
      ? [
          { name: "front", picture: frontOf(figures, title) },
          { name: "seeds", picture: seedsOf(figures, `${title}: every arm and seed`) },
        ]
      : []),
    ...(trials.length > 0
      ? [
          {
            name: "formats",
            picture: formatsPicture({ title: `${title}: formats per layer`, trials }),
          },
          {
            name: "share",
            picture: sharePicture({
              title: `${title}: share of the cost per layer`,
              arms: arm,
              trials,
            }),
          },
        ]
      : []),
    ...(searching.trials.length > 0 ? [{ name: "search", picture: searchPicture(searching) }] : []),
    ...(learning.trials.length > 0
      ? [{ name: "learning", picture: learningPicture(learning) }]
      : []),
    ...(isFinished && figures.counts.finished > 1
      ? [{ name: "grid", picture: parallelOf(figures, `${title}: the grid`) }]
      : []),
  ]
}

/** The probabilities of a policy file as a picture. */
export const policyOf = ({ decisions, history }: PolicyFile, title: string): Picture =>
  policyPicture(
    {
      decisions: decisions.map(({ options, path }) => ({ path, options: options.map(optionText) })),
      history,
    },
    title,
  )

/** What one trial has to show. */
export interface TrialHistory {
  readonly policy?: PolicyFile
  readonly curves?: TrialCurves
  readonly target?: number
}

/** All pictures of a trial of these figures. */
export const trialPictures = (
  figures: Figures,
  arm: Arm,
  trial: ArmTrial,
  { curves, policy, target }: TrialHistory,
): ReadonlyArray<Named> => {
  const own: Curves = {
    title: "",
    arms: rolesOf(figures),
    highlighted: [arm.label],
    trials:
      curves === undefined
        ? []
        : [{ id: trial.id, name: trial.label, arm: arm.label, curves: curvesOf(curves, target) }],
  }
  const hasPolicy = policy !== undefined && policy.decisions.length > 0 && policy.history.length > 1
  return [
    ...(trial.layers.length > 0
      ? [
          {
            name: "formats",
            picture: formatsPicture({
              title: "Formats per layer",
              trials: [choicesOf(trial, arm)],
            }),
          },
          {
            name: "share",
            picture: sharePicture({
              title: "Share of the cost per layer",
              arms: rolesOf(figures),
              trials: [choicesOf(trial, arm)],
            }),
          },
        ]
      : []),
    ...(hasPolicy && arm.isSearch
      ? [{ name: "policy", picture: policyOf(policy, "What the search decided") }]
      : []),
    ...(own.trials.length > 0 && arm.isSearch
      ? [{ name: "search", picture: searchPicture({ ...own, title: "The search" }) }]
      : []),
    ...(own.trials.length > 0
      ? [{ name: "learning", picture: learningPicture({ ...own, title: "Learning curves" }) }]
      : []),
  ]
}
