/** The target `savedmodel`: a folder for TensorFlow and its servers. Left out: what is in the file (`SavedModelFile.ts`). */
import { openSavedModel } from "../../tensor/LoadedSavedModel.ts"
import { loaded } from "../../tensor/Backend.ts"
import type { FoundModel } from "../FoundModel.ts"
import { normalisedRows } from "../Preprocess.ts"
import type { ExportOptions, ExportTarget } from "../Target.ts"
import { savedModelFile, signature, tag } from "./SavedModelFile.ts"
import { type Dialect, tensorFlowModel } from "./TensorFlowModel.ts"

const dialect: Dialect = { bytes: "DT_UINT8", bfloat16: true }

export const SavedModelTarget: ExportTarget = {
  name: "savedmodel",
  description: "A folder for TensorFlow: saved_model.pb with the signature serving_default.",
  writes: "folder",
  write: (model, options) => {
    const made = tensorFlowModel(model, options, dialect)
    const metadata = `${JSON.stringify(made.metadata, undefined, 2)}\n`
    return [
      { path: "saved_model.pb", parts: [savedModelFile(made)] },
      { path: "assets.extra/fliqs.json", parts: [Buffer.from(metadata)] },
    ]
  },
  open: async (folder: string, model: FoundModel, { input }: ExportOptions) => {
    const { close, run } = await openSavedModel(folder, tag, signature)
    const { channels, height, width } = model.network.graph.input
    return {
      runtime: `TensorFlow ${loaded()?.tensorflow ?? ""}`,
      logits: (images, count) =>
        run(
          [count, height, width, channels],
          input === "uint8" ? images : normalisedRows(images, model),
        ),
      close: async () => close(),
    }
  },
}
