"""Prints the table that `mlflow.search_runs` gives of one experiment, as JSON: python table.py ADDRESS EXPERIMENT."""

import json
import sys

import mlflow

address, name = sys.argv[1:]
mlflow.set_tracking_uri(address)
everything = mlflow.search_runs(experiment_names=[name])
trials = mlflow.search_runs(experiment_names=[name], filter_string="tags.fliqs.kind = 'trial'")
rows = json.loads(trials.to_json(orient="records", date_format="iso"))
print(json.dumps({"all": len(everything), "columns": list(trials.columns), "rows": rows}))
