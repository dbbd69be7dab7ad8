"""Prints what Python's own MLflow client finds of one experiment, as JSON: python check.py ADDRESS EXPERIMENT."""

import json
import math
import sys

from mlflow import MlflowClient

address, name = sys.argv[1:]
client = MlflowClient(tracking_uri=address)
experiment = client.get_experiment_by_name(name)


def history(run_id, key):
    """Without the point that is not a number: it gives a metric its place among the others."""
    points = client.get_metric_history(run_id, key)
    return [[m.step, m.value, m.timestamp] for m in points if not math.isnan(m.value)]


def artifacts(run_id, path=None):
    for one in client.list_artifacts(run_id, path):
        if one.is_dir:
            yield from artifacts(run_id, one.path)
        else:
            yield one.path


def describe(run):
    run_id = run.info.run_id
    return {
        "runId": run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "start": run.info.start_time,
        "end": run.info.end_time,
        "tags": run.data.tags,
        "params": run.data.params,
        "history": {key: points for key in run.data.metrics if (points := history(run_id, key))},
        "inputs": [
            [one.dataset.name, one.dataset.digest, one.tags[0].value] for one in run.inputs.dataset_inputs
        ],
        "artifacts": sorted(artifacts(run_id)),
    }


runs = client.search_runs([experiment.experiment_id], max_results=1000)
print(json.dumps({"tags": experiment.tags, "runs": [describe(run) for run in runs]}))
