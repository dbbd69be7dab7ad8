/** An ONNX file that does nothing: its time is what a run takes besides the work. */
import { create, toBinary } from "@bufbuild/protobuf"
import { ModelProtoSchema } from "onnx-buf"
import { valueInfo } from "../onnx/OnnxFile.ts"
import { DataType, Graph } from "../onnx/OnnxGraph.ts"
import { tensor } from "./OnnxSession.ts"

export const emptyFile = (): Uint8Array => {
  const graph = new Graph(13)
  graph.add("Identity", ["x"], "y")
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 7n,
      opsetImport: [{ domain: "", version: 13n }],
      graph: {
        name: "empty",
        node: graph.nodes,
        input: [valueInfo("x", DataType.FLOAT, [1])],
        output: [valueInfo("y", DataType.FLOAT, [1])],
      },
    }),
  )
}

/** What the empty file is fed. */
export const emptyFeeds = (): Readonly<Record<string, unknown>> => ({
  x: tensor(new Float32Array(1), [1]),
})
