/** Safetensors files for tests: the format's own reference rules, not the reader's. */
export interface Part {
  readonly dtype: string
  readonly shape: ReadonlyArray<number>
  readonly bytes: Uint8Array
}

export const f32 = (shape: ReadonlyArray<number>, values: Iterable<number>): Part => ({
  dtype: "F32",
  shape,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
})

/** A file from a header as it stands and the values. */
export const fileOf = (header: string | Uint8Array, data: Uint8Array): Uint8Array => {
  const bytes = typeof header === "string" ? new TextEncoder().encode(header) : header
  const file = new Uint8Array(8 + bytes.length + data.length)
  new DataView(file.buffer).setBigUint64(0, BigInt(bytes.length), true)
  file.set(bytes, 8)
  file.set(data, 8 + bytes.length)
  return file
}

export const safetensors = (parts: Readonly<Record<string, Part>>): Uint8Array => {
  let at = 0
  const header = Object.fromEntries(
    Object.entries(parts).map(([name, { dtype, shape, bytes }]) => {
      const data_offsets = [at, (at += bytes.length)]
      return [name, { dtype, shape, data_offsets }]
    }),
  )
  const data = new Uint8Array(at)
  let to = 0
  for (const { bytes } of Object.values(parts)) {
    data.set(bytes, to)
    to += bytes.length
  }
  return fileOf(JSON.stringify({ __metadata__: { format: "pt" }, ...header }), data)
}
