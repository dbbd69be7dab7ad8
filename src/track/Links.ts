/**
 * Addresses of views in MLflow's web page. `workflowType=machine_learning` stands in each: a browser that has never been
 * there would otherwise show the view for language models. With an empty `base` they are relative, for Markdown inside
 * MLflow itself, and stay right when the server's port changes.
 */

const workflow = "workflowType=machine_learning"
/** Brackets and quotes too: links stand in Markdown. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
const page = (base: string) => (base === "" ? "#" : `${base}/#`)

/**
 * The trials of a grid, best accuracy first, as charts. Sorting by a metric is what makes child runs show without their
 * parent.
 */
export const trials = (base: string, experimentId: string, gridId: string): string => {
  const filter = encode(`tags.fliqs.grid_id = '${gridId}' AND tags.fliqs.kind = 'trial'`)
  const order = `orderByKey=${encode("metrics.`final/accuracy`")}&orderByAsc=false`
  return `${page(base)}/experiments/${encode(experimentId)}/runs?${workflow}&searchFilter=${filter}&${order}&compareRunsMode=CHART`
}

/** Runs side by side: parallel coordinates, scatter, box, contour, tables. */
export const compare = (
  base: string,
  experimentIds: ReadonlyArray<string>,
  runIds: ReadonlyArray<string>,
): string =>
  `${page(base)}/compare-runs?runs=${encode(JSON.stringify(runIds))}&experiments=${encode(JSON.stringify(experimentIds))}&${workflow}`

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
