/**
 * Writes a recorded step as a TensorFlow SavedModel.
 *
 * Left out: the messages (`ProtocolBuffer.ts`), functions, signatures, variables (a step's state is fed and fetched), reading.
 */
import { backend } from "./Op.ts"
import type { Attribute } from "./Op.ts"
import {
  attribute,
  type Bytes,
  bytes,
  float,
  graphOf,
  int,
  message,
  node,
  savedModelOf,
  shape,
  tensor,
  text,
} from "./ProtocolBuffer.ts"
import type { Trace, TraceConstant } from "./Record.ts"

const valueOf = ({ dtype, shape: sizes, values }: TraceConstant): Bytes =>
  tensor(dtype, sizes, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))

/** AttrValue: list = 1, s = 2, i = 3, f = 4, b = 5, type = 6, shape = 7, tensor = 8 */
const attributeValue = ({ name, type, value }: Attribute): Bytes => {
  const { binding } = backend()
  // The casts: `type` says what the value is, and each case below gives the function of that type.
  const each = (one: (value: never) => Bytes): Bytes =>
    Array.isArray(value)
      ? message(1, ...(value as Array<never>).map((item) => one(item)))
      : one(value as never)
  switch (type) {
    case binding.TF_ATTR_STRING:
      return each((v: string) => text(2, v))
    case binding.TF_ATTR_INT:
      return each((v: number) => int(3, v))
    case binding.TF_ATTR_FLOAT:
      return each((v: number) => float(4, v))
    case binding.TF_ATTR_BOOL:
      return each((v: boolean) => int(5, v ? 1 : 0))
    case binding.TF_ATTR_TYPE:
      return int(6, value as number)
    case binding.TF_ATTR_SHAPE:
      return bytes(7, shape(value as ReadonlyArray<number>))
    default:
      throw new Error(`the attribute ${name} has a type (${type}) that cannot be written`)
  }
}

/** The tag that `loadSavedModel` asks for. */
export const tag = "serve"

/** The content of `saved_model.pb`. */
export const encode = (trace: Trace): Bytes =>
  savedModelOf(
    tag,
    graphOf([
      ...trace.inputs.map(({ name, dtype, shape: sizes }) =>
        node(
          name,
          "Placeholder",
          [],
          [attribute("dtype", int(6, dtype)), attribute("shape", bytes(7, shape(sizes)))],
        ),
      ),
      ...trace.constants.map((constant) =>
        node(
          constant.name,
          "Const",
          [],
          [
            attribute("dtype", int(6, constant.dtype)),
            attribute("value", bytes(8, valueOf(constant))),
          ],
        ),
      ),
      ...trace.nodes.map(({ name, op, inputs, attributes }) =>
        node(
          name,
          op,
          inputs,
          attributes.map((a) => attribute(a.name, attributeValue(a))),
        ),
      ),
    ]),
  )
