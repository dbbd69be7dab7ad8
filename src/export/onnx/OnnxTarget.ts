/** The target `onnx`: one file for ONNX Runtime, TensorRT, OpenVINO and others. Left out: what is in it (`Model.ts`). */
import type { ExportTarget } from "../Target.ts"
import { writeOnnx } from "./Model.ts"
import * as Runtime from "./Runtime.ts"

export const OnnxTarget: ExportTarget = {
  name: "onnx",
  description: "One ONNX file: QDQ graph, weights in their real types",
  writes: "file",
  write: (model, options) => [{ path: "", parts: [writeOnnx(model, options)] }],
  needs: Runtime.step,
  open: (path, model, options) => Runtime.openOnnx(path, model, options),
}
