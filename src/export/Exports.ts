/** The only list of export targets. To add one: a file beside this, an entry here, a test. */
import { OnnxTarget } from "./onnx/OnnxTarget.ts"
import { PolicyTarget } from "./PolicyTarget.ts"
import { PyTorchTarget } from "./PyTorchTarget.ts"
import { SafetensorsTarget } from "./SafetensorsTarget.ts"
import type { ExportTarget } from "./Target.ts"

export const targets: ReadonlyArray<ExportTarget> = [
  OnnxTarget,
  PyTorchTarget,
  SafetensorsTarget,
  PolicyTarget,
]

export const targetNamed = (name: string): ExportTarget | undefined =>
  targets.find((target) => target.name === name)
