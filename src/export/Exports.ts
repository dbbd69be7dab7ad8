/** The only list of export targets. To add one: a file beside this, an entry here, a test. */
import { OnnxTarget } from "./onnx/OnnxTarget.ts"
import { Policy } from "./PolicyTarget.ts"
import { PyTorch } from "./PyTorchTarget.ts"
import { Safetensors } from "./SafetensorsTarget.ts"
import type { ExportTarget } from "./Target.ts"

export const targets: ReadonlyArray<ExportTarget> = [OnnxTarget, PyTorch, Safetensors, Policy]

export const targetNamed = (name: string): ExportTarget | undefined =>
  targets.find((target) => target.name === name)
