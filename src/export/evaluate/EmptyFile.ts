/** An ONNX file that does nothing: its time is what a run takes besides the work. */
import { create, toBinary } from "@bufbuild/protobuf"
import { ModelProtoSchema, TensorShapeProto_DimensionSchema, ValueInfoProtoSchema } from "onnx-buf"
import { DataType, Graph } from "../onnx/OnnxGraph.ts"
import { tensor } from "./OnnxSession.ts"

/** A value of the graph, float32 [sizes]. */
export const floatValue = (name: string, sizes: ReadonlyArray<number>) =>
  create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: "tensorType",
        value: {
          elemType: DataType.FLOAT,
          shape: {
            $typeName: "onnx.TensorShapeProto",
            dim: sizes.map((size) =>
              create(TensorShapeProto_DimensionSchema, {
                value: { case: "dimValue", value: BigInt(size) },
              }),
            ),
          },
        },
      },
    },
  })

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
        input: [floatValue("x", [1])],
        output: [floatValue("y", [1])],
      },
    }),
  )
}

/** What the empty file is fed. */
export const emptyFeeds = (): Readonly<Record<string, unknown>> => ({
  x: tensor(new Float32Array(1), [1]),
})
