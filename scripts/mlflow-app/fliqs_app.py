"""The local MLflow server with short addresses, for terminals of 80 columns: /grid/EXPERIMENT/GRID leads to the saved view
of a grid. MLflow finds this by its own entry point for apps (`mlflow server --app-name fliqs`, src/track/Server.ts)."""

import re

path_of_grid = re.compile(r"/grid/(\d+)/([0-9a-f]{16})/?")


def view(experiment, grid):
    return (
        f"/#/experiments/{experiment}/runs?workflowType=machine_learning"
        f"&viewStateShareKey=accuracy-{grid}&compareRunsMode=CHART"
    )


class App:
    """MLflow's own app, imported by the worker only: the process that starts the workers looks at this one too."""

    inner = None

    async def __call__(self, scope, receive, send):
        found = path_of_grid.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is not None and scope["method"] in ("GET", "HEAD"):
            location = view(*found.groups()).encode()
            headers = [(b"location", location), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 302, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        if self.inner is None:
            from mlflow.server.fastapi_app import app

            self.inner = app
        await self.inner(scope, receive, send)


app = App()
