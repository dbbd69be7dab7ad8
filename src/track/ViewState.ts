/**
 * The saved views that every grid gets, as MLflow's experiment page keeps them: which trials, which columns, which charts.
 *
 * A view is one tag of the experiment: JSON with a name and the state of the page, packed with zlib. Left out: writing the
 * tags and leaving alone what a person changed (`MlflowViews.ts`).
 */
import { createHash } from "node:crypto"
import { deflateSync } from "node:zlib"
import { best, derived, final, type Metric, phases, search } from "../metric/Metrics.ts"
import type { Views } from "./Event.ts"
import { gridFilter, type ViewName } from "./Links.ts"

/** The tag by which trials are grouped. */
export const armTag = "arm"
/** More columns than this are no help, and a tag of an experiment holds 5 000 characters. */
const mostColumns = 16
const runsPerChart = 100
/** MLflow's page reads so many runs, and means in its charts are over those. */
const runsRead = 100
const mostFolded = 40
const sectionId = "fliqs"

const metric = (key: string): string => `metrics.\`${key}\``
const parameter = (key: string): string => `params.\`${key}\``
const tag = (key: string): string => `tags.\`${key}\``

type Chart = Readonly<Record<string, unknown>>

const bar = ({ key }: Pick<Metric, "key">): Chart => ({ type: "BAR", metricKey: key })

const scatter = (x: string, y: string): Chart => ({
  type: "SCATTER",
  xaxis: { key: x, type: "METRIC" },
  yaxis: { key: y, type: "METRIC" },
})

const parallel = (differing: ReadonlyArray<string>, keys: ReadonlyArray<string>): Chart => ({
  type: "PARALLEL",
  selectedParams: differing,
  selectedMetrics: keys,
  showAllRuns: true,
})

const line = ({ key }: Metric): Chart => ({
  type: "LINE",
  metricKey: key,
  selectedMetricKeys: [key],
  xAxisKey: "step",
  yAxisKey: "metric",
  selectedYAxisMetricKey: "metric",
  selectedXAxisMetricKey: "",
  yAxisExpressions: [],
  xAxisScaleType: "linear",
  scaleType: "linear",
  range: {},
  lineSmoothness: 0,
  useGlobalLineSmoothing: true,
  useGlobalXaxisKey: true,
  ignoreOutliers: false,
  displayPoints: false,
})

interface Section {
  readonly name: string
  readonly columns: number
  readonly cardHeight: number
  readonly charts: ReadonlyArray<Chart>
}

interface View {
  readonly key: ViewName
  readonly name: string
  /** Trials of one arm are shown as their mean. */
  readonly isByArm: boolean
  readonly sections: ReadonlyArray<Section>
}

const section = (
  name: string,
  columns: number,
  cardHeight: number,
  charts: ReadonlyArray<Chart>,
): Section => ({ name, columns, cardHeight, charts })

const viewsOf = ({ cost, differing }: Views): ReadonlyArray<View> => [
  {
    key: "accuracy",
    name: "Accuracy against cost",
    isByArm: true,
    sections: [
      section("Accuracy against cost", 1, 330, [scatter(cost, final.accuracy.key)]),
      section("Accuracy by arm", 1, 330, [bar(final.accuracy)]),
    ],
  },
  {
    key: "arms",
    name: "Arms, mean over seeds",
    isByArm: true,
    sections: [
      section(
        "Results",
        2,
        300,
        [final.accuracy, { key: cost }, derived.weightBits, derived.activationBits].map(bar),
      ),
      section(
        "Curves with bands over the seeds",
        2,
        300,
        [phases.train.accuracy, search.quality, search.expectedCost, search.entropy].map(line),
      ),
    ],
  },
  {
    key: "curves",
    name: "Curves",
    isByArm: false,
    sections: [
      section(
        "Search",
        2,
        300,
        [search.entropy, search.expectedCost, search.quality, search.reward].map(line),
      ),
      section("Training", 2, 300, [phases.train.loss, phases.train.accuracy].map(line)),
    ],
  },
  {
    key: "trials",
    name: "All trials",
    isByArm: false,
    sections: [
      section("Trials", 1, 360, [
        parallel(differing, [cost, final.accuracy.key]),
        scatter(cost, final.accuracy.key),
      ]),
    ],
  },
]

/** How wide the columns of a table are, so that their names can be read. */
const widthsOf = (columns: ReadonlyArray<string>): Readonly<Record<string, number>> =>
  Object.fromEntries(
    columns.map((column) => [column, Math.max(80, 36 + 6.6 * column.split("`")[1]!.length)]),
  )

/** The groups that stay folded, so that the list shows arms: as many as the tag of a view has room for. */
const foldedArms = ({ colours = {} }: Views): Readonly<Record<string, boolean>> =>
  Object.fromEntries(
    Object.keys(colours)
      .slice(0, mostFolded)
      .map((arm) => [`tag.${armTag}.${arm}`, false]),
  )

const columnsOf = ({ cost, differing }: Views): ReadonlyArray<string> =>
  [
    metric(final.accuracy.key),
    metric(cost),
    ...(cost === final.costOverTarget.key ? [] : [metric(final.costOverTarget.key)]),
    metric(derived.weightBits.key),
    metric(derived.activationBits.key),
    tag(armTag),
    ...differing.map(parameter),
    parameter("seed"),
    metric(best.quality.key),
  ].slice(0, mostColumns)

/**
 * Which trials of a large grid are read: for means those of the first seeds, in which every arm has its part, else the best;
 * means over the best would flatter whatever scatters most.
 */
const whichOf = (view: View, { trials = 0 }: Views, gridId: string | undefined) => {
  const isPart = gridId !== undefined && trials > runsRead
  const isBySeed = isPart && view.isByArm
  return {
    // Sorting by a metric is what makes child runs show without their parent, where they are not grouped.
    orderByKey: isBySeed ? parameter("seed") : metric(final.accuracy.key),
    orderByAsc: isBySeed,
    suffix: isPart ? `: ${runsRead} of ${trials} trials` : "",
  }
}

const stateOf = (
  view: View,
  views: Views,
  columns: ReadonlyArray<string>,
  gridId: string | undefined,
): Readonly<Record<string, unknown>> => ({
  searchFilter: gridId === undefined ? "tags.`fliqs.kind` = 'trial'" : gridFilter(gridId),
  orderByKey: whichOf(view, views, gridId).orderByKey,
  orderByAsc: whichOf(view, views, gridId).orderByAsc,
  startTime: "ALL",
  lifecycleFilter: "Active",
  datasetsFilter: [],
  modelVersionFilter: "All Runs",
  selectedColumns: columns,
  columnOrder: columns,
  columnWidths: widthsOf(columns),
  runsHiddenMode: "SHOW_ALL",
  viewMaximized: false,
  runListHidden: false,
  isAccordionReordered: true,
  hideEmptyCharts: true,
  useGroupedValuesInCharts: true,
  groupBy: view.isByArm
    ? { aggregateFunction: "average", groupByKeys: [{ mode: "tag", groupByData: armTag }] }
    : null,
  groupsExpanded: view.isByArm ? foldedArms(views) : {},
  chartsSearchFilter: "",
  globalLineChartConfig: { xAxisKey: "step", lineSmoothness: 0, selectedXAxisMetricKey: "" },
  compareRunSections: view.sections.map(({ cardHeight, columns: across, name }, i) => ({
    uuid: `${sectionId}-${i}`,
    name: name + whichOf(view, views, gridId).suffix,
    display: true,
    isReordered: true,
    deleted: false,
    isGenerated: false,
    columns: across,
    cardHeight,
  })),
  compareRunCharts: view.sections.flatMap(({ charts }, i) =>
    charts.map((chart, k) => ({
      uuid: `${sectionId}-${i}-${k}`,
      metricSectionId: `${sectionId}-${i}`,
      deleted: false,
      isGenerated: false,
      runsCountToCompare: runsPerChart,
      ...chart,
    })),
  ),
})

/** A view as it is stored. */
export interface StoredView {
  readonly key: ViewName
  readonly name: string
  /** Packed. */
  readonly state: string
}

/** The views of a grid, or of all trials of its experiment. */
export const storedViews = (views: Views, gridId?: string): ReadonlyArray<StoredView> => {
  const columns = columnsOf(views)
  return viewsOf(views).map((view) => {
    const packed = deflateSync(JSON.stringify(stateOf(view, views, columns, gridId)))
    return {
      key: view.key,
      name: gridId === undefined ? view.name : `${view.name} (grid ${gridId.slice(0, 6)})`,
      state: `deflate;${packed.toString("base64")}`,
    }
  })
}

/** What a view is recognised by that nobody has changed. */
export const digestOf = ({ name, state }: Pick<StoredView, "name" | "state">): string =>
  createHash("sha256")
    .update(JSON.stringify([name, state]))
    .digest("hex")
    .slice(0, 16)
