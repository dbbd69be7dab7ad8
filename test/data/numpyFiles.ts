/** Files of NumPy arrays, as NumPy writes them. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { zipSync } from "fflate"
import { temporary } from "./imageFolders.ts"

type Numbers = Uint8Array | Int32Array | BigInt64Array | Float32Array | Float64Array | Uint16Array

/** A .npy file as `np.save` writes it. */
export const npy = (
  type: string,
  shape: ReadonlyArray<number>,
  values: Numbers,
  order = "False",
) => {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ")
  const text = `{'descr': '${type}', 'fortran_order': ${order}, 'shape': (${sizes}), }`
  const header = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n"
  const start = Buffer.alloc(10)
  start.write("\x93NUMPY\x01\x00", "latin1")
  start.writeUInt16LE(header.length, 8)
  const body = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  return new Uint8Array(Buffer.concat([start, Buffer.from(header, "latin1"), body]))
}
export const npz = (arrays: Readonly<Record<string, Uint8Array>>, level: 0 | 6 = 6) =>
  zipSync(
    Object.fromEntries(Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes])),
    { level },
  )
/** A new folder with these files. */
export const files = (contents: Readonly<Record<string, Uint8Array>>): string => {
  const folder = temporary()
  mkdirSync(folder, { recursive: true })
  for (const [name, bytes] of Object.entries(contents)) writeFileSync(join(folder, name), bytes)
  return folder
}
