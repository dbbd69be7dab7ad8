/** The target `tfjs`: a folder that `tf.loadGraphModel` loads, in a browser and in Node. Left out: what is in it (`TfjsFiles.ts`). */
import { join } from "node:path"
import { openGraphModel } from "../../tensor/GraphModel.ts"
import type { FoundModel } from "../FoundModel.ts"
import { normalisedRows } from "../Preprocess.ts"
import type { ExportOptions, ExportTarget } from "../Target.ts"
import { type Dialect, tensorFlowModel } from "./TensorFlowModel.ts"
import { tfjsFiles } from "./TfjsFiles.ts"

/** TensorFlow.js has no type for bytes and none for 16-bit floats but IEEE's. */
const dialect: Dialect = { bytes: "DT_INT32", bfloat16: false }

export const TfjsTarget: ExportTarget = {
  name: "tfjs",
  description: "A folder for TensorFlow.js: model.json and its weights, for tf.loadGraphModel.",
  writes: "folder",
  write: (model, options) => tfjsFiles(tensorFlowModel(model, options, dialect), model.version),
  open: async (folder: string, model: FoundModel, { input }: ExportOptions) => {
    const { close, run, runtime } = await openGraphModel(join(folder, "model.json"))
    const { channels, height, width } = model.network.graph.input
    return {
      runtime,
      logits: (images, count) => {
        const shape = [count, height, width, channels]
        return run(
          input === "uint8"
            ? { type: "int32", shape, values: Int32Array.from(images) }
            : { type: "float32", shape, values: normalisedRows(images, model) },
        )
      },
      close,
    }
  },
}
