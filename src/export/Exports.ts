/** The only list of export targets. To add one: a file beside this, an entry here, a test. */
import { OnnxTarget } from "./onnx/OnnxTarget.ts"
import { PolicyTarget } from "./PolicyTarget.ts"
import { PyTorchTarget } from "./PyTorchTarget.ts"
import { SafetensorsTarget } from "./SafetensorsTarget.ts"
import type { ExportTarget } from "./Target.ts"
import { SavedModelTarget } from "./tensorflow/SavedModelTarget.ts"
import { TfjsTarget } from "./tensorflow/TfjsTarget.ts"

export const targets: ReadonlyArray<ExportTarget> = [
  OnnxTarget,
  PyTorchTarget,
  SafetensorsTarget,
  TfjsTarget,
  SavedModelTarget,
  PolicyTarget,
]

export const targetNamed = (name: string): ExportTarget | undefined =>
  targets.find((target) => target.name === name)
