"""The local MLflow server with short addresses, for terminals of 80 columns: /grid/EXPERIMENT/GRID leads to the saved view
of a grid, /grid/EXPERIMENT/GRID/arms to another of its views, /run/EXPERIMENT/RUN to the page of a trial. MLflow finds this by its own entry point for apps
(`mlflow server --app-name fliqs-pages`, src/track/Server.ts)."""

import json
import re

views = {"accuracy": "CHART", "arms": "CHART", "curves": "CHART", "trials": "TABLE"}
path_of_run = re.compile(r"/run/(\d+)/([0-9a-f]{32})/?")
path_of_grid = re.compile(rf"/grid/(\d+)/([0-9a-f]{{16}})(?:/({'|'.join(views)}))?/?")

# MLflow keeps the colours of groups in the browser, by `tag.arm.NAME`, and picks one of 29 by the name where there is none:
# two arms may get the same. In a browser that has never been here it also opens a panel over a quarter of the page.
page = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>fliqs</title><link rel="icon" href="data:,">
<p><a href="%(link)s">MLflow</a></p>
<script>
const remember = (key, change) => {
  try {
    localStorage.setItem(key, JSON.stringify(change(JSON.parse(localStorage.getItem(key)))))
  } catch {}
}
const colour = async (experiment, grid) => {
  const wait = { signal: AbortSignal.timeout(3000) }
  const answer = await fetch(`/ajax-api/2.0/mlflow/experiments/get?experiment_id=${experiment}`, wait)
  const { tags } = (await answer.json()).experiment
  const arms = Object.entries(JSON.parse(tags.find(({ key }) => key === `fliqs.colours.${grid}`).value))
  const groups = Object.fromEntries(arms.map(([arm, colour]) => [`tag.arm.${arm}`, colour]))
  remember("experimentRunColors", (before) => ({ ...before, ...groups }))
}
const { experiment, grid, place } = %(json)s
remember("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", () => true)
const coloured = grid === null ? Promise.resolve() : colour(experiment, grid).catch(() => {})
coloured.then(() => location.replace(place))
</script>
"""


def page_of(experiment, path, grid=None):
    place = f"/#/experiments/{experiment}/runs{path}"
    known = {"experiment": experiment, "grid": grid, "place": place}
    return page % {"link": place.replace("&", "&amp;"), "json": json.dumps(known)}


def answer(path):
    """The page at a short address; none at any other."""
    run = path_of_run.fullmatch(path)
    if run is not None:
        return page_of(run[1], f"/{run[2]}?workflowType=machine_learning")
    found = path_of_grid.fullmatch(path)
    if found is None:
        return None
    experiment, grid, name = found.groups()
    name = name or "accuracy"
    view = f"viewStateShareKey={name}-{grid}&compareRunsMode={views[name]}"
    return page_of(experiment, f"?workflowType=machine_learning&{view}", grid)


class App:
    """MLflow's own app, imported by the worker only: the process that starts the workers looks at this one too."""

    inner = None

    async def __call__(self, scope, receive, send):
        asks = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        found = answer(scope["path"]) if asks else None
        if found is not None:
            body = found.encode()
            headers = [
                (b"content-type", b"text/html; charset=utf-8"),
                (b"content-length", str(len(body)).encode()),
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body if scope["method"] == "GET" else b""})
            return
        if self.inner is None:
            from mlflow.server.fastapi_app import app

            self.inner = app
        await self.inner(scope, receive, send)


app = App()
