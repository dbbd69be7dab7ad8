/** The only list of export targets. To add one: a file beside this, an entry here, a test. */
import { OnnxTarget } from "./onnx/OnnxTarget.ts"
import { Policy } from "./Policy.ts"
import { PyTorch } from "./PyTorch.ts"
import { Safetensors } from "./Safetensors.ts"
import type { ExportTarget } from "./Target.ts"

export const targets: ReadonlyArray<ExportTarget> = [OnnxTarget, PyTorch, Safetensors, Policy]

export const targetNamed = (name: string): ExportTarget | undefined =>
  targets.find((target) => target.name === name)
