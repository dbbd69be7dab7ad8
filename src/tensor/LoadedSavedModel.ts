/** A SavedModel run by TensorFlow's own executor, by the name of its signature. The backend must be loaded. */
import { tf } from "./Backend.ts"

export interface LoadedSavedModel {
  /** One input, named `images`, to `logits`. */
  readonly run: (
    shape: ReadonlyArray<number>,
    values: Float32Array | Uint8Array,
  ) => Promise<Float32Array>
  readonly close: () => void
}

/** Loads a folder with `saved_model.pb`. Fails with an `Error` of what TensorFlow says. */
export const openSavedModel = async (
  folder: string,
  tag: string,
  signature: string,
): Promise<LoadedSavedModel> => {
  const model = await tf.node.loadSavedModel(folder, [tag], signature)
  return {
    run: async (shape, values) => {
      const type = values instanceof Uint8Array ? "int32" : "float32"
      const images = tf.tensor(values, [...shape], type)
      const { logits } = model.predict({ images }) as Readonly<Record<string, typeof images>>
      const result = (logits!.dataSync() as Float32Array).slice()
      images.dispose()
      logits!.dispose()
      return result
    },
    close: () => {
      model.dispose()
    },
  }
}
