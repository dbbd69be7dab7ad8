"""Rounds by the Quantize of an exported model.py: python roundInTorch.py FOLDER FILE -> JSON, bits of every result.

FILE is a safetensors file with the tensor x; its metadata `cases` are lists of [format, options], as JSON.
"""

import json
import sys

import torch
from safetensors import safe_open

sys.path.insert(0, sys.argv[1])
import model  # noqa: E402

with safe_open(sys.argv[2], framework="pt") as file:
    x = file.get_tensor("x")
    cases = json.loads(file.metadata()["cases"])
results = [
    model.Quantize(model.Format(**{**fmt, "lo": float(fmt["lo"]), "hi": float(fmt["hi"])}), **options)(x).view(torch.int32).flatten().tolist()
    for fmt, options in cases
]
print(json.dumps(results))
