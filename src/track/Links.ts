/**
 * Addresses of views in MLflow's web page. `workflowType=machine_learning` stands in each: a browser that has never been
 * there would otherwise show the view for language models. With an empty `base` they are relative, for Markdown inside
 * MLflow itself, and stay right when the server's port changes.
 */
import { final } from "../metric/Metrics.ts"

const workflow = "workflowType=machine_learning"
/** Brackets and quotes too: links stand in Markdown. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
const page = (base: string) => (base === "" ? "#" : `${base}/#`)

/** The tag that every trial of a grid has: a trial may be of several grids, and a filter of MLflow knows no "or". */
export const gridTag = (gridId: string): string => `fliqs.grid.${gridId}`

/** What finds the trials of a grid. Without the quotes MLflow takes the digits behind a dot for a number. */
export const gridFilter = (gridId: string): string => `tags.\`${gridTag(gridId)}\` = 'trial'`

/**
 * The trials of a grid, best accuracy first, as charts, in whichever experiments of MLflow they are. Sorting by a metric is
 * what makes child runs show without their parent.
 */
export const trials = (
  base: string,
  experimentIds: ReadonlyArray<string>,
  gridId: string,
): string => {
  const [first = "", ...others] = experimentIds
  const place =
    others.length === 0
      ? `experiments/${encode(first)}/runs?`
      : `compare-experiments/s?experiments=${encode(JSON.stringify(experimentIds))}&`
  const order = `orderByKey=${encode(`metrics.\`${final.accuracy.key}\``)}&orderByAsc=false`
  return `${page(base)}/${place}${workflow}&searchFilter=${encode(gridFilter(gridId))}&${order}&compareRunsMode=CHART`
}

/** The saved views, by the short names that links give them. */
export const viewNames = ["accuracy", "arms", "curves", "trials"] as const
export type ViewName = (typeof viewNames)[number]

/** The key of a view: of all trials of its experiment, or of those of one grid. */
export const viewKey = (view: ViewName, gridId?: string): string =>
  gridId === undefined ? view : `${view}-${gridId}`

/** A saved view of the experiment page. Whether it shows charts or a table is not part of the view. */
export const view = (base: string, experimentId: string, name: ViewName, gridId?: string): string =>
  `${page(base)}/experiments/${encode(experimentId)}/runs?${workflow}&viewStateShareKey=${encode(viewKey(name, gridId))}&compareRunsMode=${name === "trials" ? "TABLE" : "CHART"}`

/** The short address by which the local server leads to a view of a grid: it fits into a line of a terminal. */
export const short = (
  base: string,
  experimentId: string,
  gridId: string,
  name: ViewName = "accuracy",
): string => `${base}/grid/${experimentId}/${gridId}${name === "accuracy" ? "" : `/${name}`}`

/** The short address by which the local server leads to the page of a run. */
export const shortRun = (base: string, experimentId: string, runId: string): string =>
  `${base}/run/${experimentId}/${runId}`

/** Runs side by side: parallel coordinates, scatter, box, contour, tables. */
export const compare = (
  base: string,
  experimentIds: ReadonlyArray<string>,
  runIds: ReadonlyArray<string>,
): string =>
  `${page(base)}/compare-runs?runs=${encode(JSON.stringify(runIds))}&experiments=${encode(JSON.stringify(experimentIds))}&${workflow}`

/** A file of a run as it is, for pictures in Markdown. */
export const file = (runId: string, artifact: string): string =>
  `get-artifact?path=${encode(artifact)}&run_uuid=${encode(runId)}`

/** One run, or one of its artifacts. */
export const run = (
  base: string,
  experimentId: string,
  runId: string,
  artifact?: string,
): string => {
  const path = `${page(base)}/experiments/${encode(experimentId)}/runs/${encode(runId)}`
  const inside =
    artifact === undefined ? "" : `/artifacts/${artifact.split("/").map(encode).join("/")}`
  return `${path}${inside}?${workflow}`
}
