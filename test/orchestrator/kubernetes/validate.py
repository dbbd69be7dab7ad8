"""Validates the documents of a YAML file strictly against the schemas of Kubernetes versions.

    kubernetes.py FILE VERSION...    prints {VERSION: [problem, ...]} as JSON
"""
import json
import sys

import kubernetes_validate
import yaml


def problems(document, version):
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{document['kind']}: {error.message}"]
    return []


file, *versions = sys.argv[1:]
with open(file) as stream:
    documents = list(yaml.safe_load_all(stream))
print(json.dumps({v: [p for d in documents for p in problems(d, v)] for v in versions}))
