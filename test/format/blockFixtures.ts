/** The reference answers of `scripts/block-fixtures.py`. */
import { readFileSync } from "node:fs"
import type { SharedExponent } from "../../src/format/Format.ts"

interface Stored {
  readonly format: string
  /** Elements of a block. */
  readonly size: number
  readonly sharedExponent: SharedExponent | null
  readonly inputs: string
  readonly answers: string
}

const stored = JSON.parse(
  readFileSync(new URL("./fixtures/blocks.json", import.meta.url), "utf8"),
) as ReadonlyArray<Stored>

const floats = (text: string): Float32Array => {
  const bytes = Uint8Array.from(Buffer.from(text, "base64"))
  return new Float32Array(bytes.buffer)
}

export const blockFixtures = stored.map((one) => ({
  ...one,
  inputs: floats(one.inputs),
  answers: floats(one.answers),
}))
