/**
 * A found network as a folder for PyTorch: `model.py` (torch and safetensors are all it needs), `weights.safetensors` in
 * PyTorch's layouts, `assignment.json` with what was chosen.
 *
 * `model.py` is written for this one network: its layers by their paths, and of the rounding what they use. Left out:
 * which operation becomes which line (`pytorch/`).
 */
import * as Container from "../disk/TensorFile.ts"
import { floatPart } from "../train/Safetensors.ts"
import { type FoundModel, type Values, valuesNamed } from "./FoundModel.ts"
import { amaxesOf, formatsOf, metadataOf, zeroPointsOf } from "./Metadata.ts"
import { type LayerText, layerTexts } from "./pytorch/LayersText.ts"
import { type NetworkText, networkText } from "./pytorch/NetworkText.ts"
import { openPyTorch } from "./pytorch/PyTorchRuntime.ts"
import { roundingText } from "./pytorch/RoundingText.ts"
import { weightsDigest } from "./SafetensorsTarget.ts"
import { type ExportedFile, type ExportTarget, Refused } from "./Target.ts"

/** The axes of a row-major array in another order. */
const transposed = ({ shape, values }: Values, order: ReadonlyArray<number>): Values => {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1))
  const newShape = order.map((axis) => shape[axis]!)
  const newStrides = order.map((axis) => strides[axis]!)
  const result = new Float32Array(values.length)
  const at = newShape.map(() => 0)
  let from = 0
  for (let i = 0; i < result.length; i++) {
    result[i] = values[from]!
    for (let axis = newShape.length - 1; axis >= 0; axis--) {
      from += newStrides[axis]!
      if (++at[axis]! < newShape[axis]!) break
      from -= newStrides[axis]! * newShape[axis]!
      at[axis] = 0
    }
  }
  return { shape: newShape, values: result }
}

const weightsFile = (model: FoundModel, { state }: NetworkText): ReadonlyArray<Uint8Array> => {
  const parts = [...state].map(([name, { key, order }]) => {
    const found = valuesNamed(model, name)
    return floatPart(key, order === undefined ? found : transposed(found, order))
  })
  const names = Object.fromEntries([...state].map(([name, { key }]) => [key, name]))
  const metadata = { ...metadataOf(model), "fliqs.names": JSON.stringify(names) }
  return Container.encode(parts, metadata)
}

/** A text in a docstring or a comment of Python, on one line. */
const inComment = (text: string): string => JSON.stringify(text).slice(1, -1).replaceAll('"', "'")

const tensor = (numbers: ReadonlyArray<number>): string =>
  `torch.tensor([${numbers.join(", ")}], dtype=torch.float64)`

const modelText = (model: FoundModel, { formats, needs, text }: NetworkText): string => {
  const { network, preprocessing, trial, version } = model
  const { channels, height, width } = network.graph.input
  const layers = (Object.keys(layerTexts) as ReadonlyArray<LayerText>)
    .filter((name) => needs.has(name))
    .map((name) => `\n${layerTexts[name]}`)
  return `"""${inComment(network.name)}: found by fliqs ${inComment(version)}, trial ${inComment(trial)}.

    model = load("path/of/this/folder")
    logits = model(preprocess(images))

It rounds as the network was trained to: weights and inputs of layers go through fake quantization, in float32. Scales of
inputs are frozen. The gradient passes the rounding (straight through), so the model can be trained further.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

MEAN = ${tensor(preprocessing.mean)}
STD = ${tensor(preprocessing.std)}


def load(folder: str | Path) -> "Network":
    """The trained network of this folder, ready to predict; \`model.classes\` has the names of its classes."""
    model = Network()
    model.load_state_dict(load_file(Path(folder) / "weights.safetensors"))
    model.classes = json.loads((Path(folder) / "assignment.json").read_text(encoding="utf-8"))["classes"]
    return model.eval()


def preprocess(images: Tensor) -> Tensor:
    """uint8 or float32 [batch, ${height}, ${width}, ${channels}] -> normalised float32 [batch, ${channels}, ${height}, ${width}]."""
    scale, shift = (1 / (255 * STD)).float(), (-MEAN / STD).float()  # (value / 255 - mean) / std, as it was trained
    normalised = images.float() * scale.to(images.device) + shift.to(images.device)
    return normalised.permute(0, 3, 1, 2).contiguous()

${roundingText}
${formats === "" ? "" : `\n${formats}\n\n`}${layers.join("\n")}

${text}`.replaceAll(/\n{4,}/gu, "\n\n\n")
}

const assignmentText = (model: FoundModel): string => {
  const { assignment, classNames, network, preprocessing, trial, version } = model
  const { graph, name } = network
  const said = {
    version,
    trial,
    network: name,
    input: graph.input,
    classes: classNames,
    preprocessing,
    assignment,
    formats: formatsOf(model),
    amax: amaxesOf(model),
    ...zeroPointsOf(model),
    digest: weightsDigest(model.weights),
  }
  return `${JSON.stringify(said, undefined, 2)}\n`
}

const textFile = (path: string, text: string): ExportedFile => ({
  path,
  parts: [new TextEncoder().encode(text)],
})

export const PyTorchTarget: ExportTarget = {
  name: "pytorch",
  description:
    "A folder for PyTorch: model.py, which spells its rounding out, weights.safetensors, assignment.json.",
  writes: "folder",
  write: (model, { input }) => {
    if (input === "uint8")
      throw new Refused(
        "model.py takes float32 images; its function preprocess makes them of bytes",
      )
    const network = networkText(model)
    return [
      textFile("model.py", modelText(model, network)),
      { path: "weights.safetensors", parts: weightsFile(model, network) },
      textFile("assignment.json", assignmentText(model)),
    ]
  },
  open: (path, model, { python }) => openPyTorch(path, model, python),
}
