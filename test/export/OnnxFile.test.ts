import { create, toBinary } from "@bufbuild/protobuf"
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
} from "onnx-buf"
import { expect, it } from "vitest"
import { fileParts } from "../../src/export/onnx/OnnxFile.ts"
import { floats } from "../../src/export/onnx/OnnxGraph.ts"
import { Refused } from "../../src/export/Target.ts"
import { readOnnx } from "./onnxFile.ts"

const head = { irVersion: 10n, producerName: "fliqs" }
const body = {
  name: "graph",
  node: [create(NodeProtoSchema, { opType: "Relu", name: "x" })],
}
const model = create(ModelProtoSchema, head)
const graph = create(GraphProtoSchema, body)

it("parts are the message that the library writes", () => {
  // lengths of one, two and three bytes
  const sizes = [3, 100, 20_000]
  const constants = new Map(sizes.map((size) => [`of ${size}`, floats(new Float32Array(size))]))
  const initializer = [...constants].map(([name, { bytes, shape, type }]) =>
    create(TensorProtoSchema, {
      name,
      dataType: type,
      dims: shape.map(BigInt),
      rawData: new Uint8Array(bytes),
    }),
  )
  const expected = create(ModelProtoSchema, { ...head, graph: { ...body, initializer } })
  const written = Buffer.concat(fileParts(model, graph, constants))
  expect(toBinary(ModelProtoSchema, readOnnx(written))).toEqual(
    toBinary(ModelProtoSchema, expected),
  )
})

it("a file above 2 GiB is refused by name", () => {
  const bytes = new Uint8Array(2 ** 30)
  const large = { type: TensorProto_DataType.INT8, shape: [2 ** 30], bytes }
  const constants = new Map([
    ["a", large],
    ["b", large],
  ])
  expect(() => fileParts(model, graph, constants)).toThrow(Refused)
  expect(() => fileParts(model, graph, constants)).toThrow("the file would have 2.0 GiB")
})
