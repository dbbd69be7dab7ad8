/** The target `onnx`: one file for ONNX Runtime, TensorRT, OpenVINO and others. Left out: what is in it (`OnnxModel.ts`). */
import { rmSync, writeFileSync } from "node:fs"
import type { FoundModel } from "../FoundModel.ts"
import type { ExportOptions, ExportTarget } from "../Target.ts"
import { onnxParts, writeOnnx } from "./OnnxModel.ts"
import { integerOptionsOf, withIntegerBiases } from "./OnnxPlan.ts"
import * as Runtime from "./OnnxRuntime.ts"

/** onnxruntime has no FLOAT4E2M1: what it can check is the same graph with codes and a table. */
const needsTwin = ({ network }: FoundModel, { flavour }: ExportOptions): boolean =>
  flavour === "standard" &&
  network.table.layers.some(({ activationFormat, weightFormat }) =>
    [activationFormat, weightFormat].some(
      ({ formats: [format] }) =>
        format!.kind !== "int" && format!.bits === 4 && format!.mantissaBits === 1,
    ),
  )

export const OnnxTarget: ExportTarget = {
  name: "onnx",
  description: "One ONNX file: QDQ graph, weights in their real types",
  writes: "file",
  write: (model, options) => [{ path: "", parts: onnxParts(model, options) }],
  needs: Runtime.step,
  openFast: async (path, model, options) => {
    const entries = options.integers === false ? undefined : integerOptionsOf(model)
    if (entries === undefined) return undefined
    const runner = await Runtime.openOnnx(path, model, options, { entries })
    return {
      runner: { ...runner, runtime: `${runner.runtime} in integers` },
      model: withIntegerBiases(model, options),
    }
  },
  open: async (path, model, options) => {
    if (!needsTwin(model, options)) return Runtime.openOnnx(path, model, options)
    const twin = `${path}.portable`
    try {
      writeFileSync(twin, writeOnnx(model, { ...options, flavour: "portable" }))
      const runner = await Runtime.openOnnx(twin, model, options)
      return { ...runner, runtime: `${runner.runtime}, on the portable twin` }
    } finally {
      rmSync(twin, { force: true })
    }
  },
}
