"""Runs every exported PyTorch folder in FOLDER on its images.safetensors: python runFolders.py FOLDER -> JSON, name: logits."""

import importlib.util
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

torch.set_num_threads(1)
results = {}
for folder in sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir()):
    spec = importlib.util.spec_from_file_location(f"model_{len(results)}", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    with torch.no_grad():
        images = module.preprocess(load_file(folder / "images.safetensors")["bytes"])
        results[folder.name] = module.load(folder)(images).tolist()
print(json.dumps(results))
