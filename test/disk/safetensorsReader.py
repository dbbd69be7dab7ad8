"""Prints what Python's own safetensors reads of a file, as JSON: python safetensorsReader.py FILE."""

import json
import sys

import safetensors

path = sys.argv[1]
metadata = safetensors.safe_open(path, framework="np").metadata()
with open(path, "rb") as file:
    tensors = safetensors.deserialize(file.read())
print(
    json.dumps(
        {
            "metadata": metadata,
            "tensors": {
                name: [tensor["dtype"], tensor["shape"], bytes(tensor["data"]).hex()]
                for name, tensor in tensors
            },
        }
    )
)
