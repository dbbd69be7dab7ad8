"""Runs exported PyTorch folders: python runModel.py FOLDER... -> JSON, folder: logits of its images.safetensors."""

import importlib.util
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

results = {}
for folder in map(Path, sys.argv[1:]):
    spec = importlib.util.spec_from_file_location(f"model_{len(results)}", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    model = module.load(folder)
    given = load_file(folder / "images.safetensors")
    with torch.no_grad():
        logits = model(given["images"].permute(0, 3, 1, 2))
        from_bytes = module.preprocess(given["bytes"])
    model.train()
    loss = model(given["images"].permute(0, 3, 1, 2)).square().sum()
    loss.backward()
    without = [name for name, value in model.named_parameters() if value.grad is None]
    results[str(folder)] = {
        "logits": logits.tolist(),
        "preprocessed": from_bytes.permute(0, 2, 3, 1).flatten().tolist(),
        "classes": model.classes,
        "withoutGradient": without,
    }
print(json.dumps(results))
