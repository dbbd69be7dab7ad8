/** `fliqs format list|show|round`. */
import { Effect, Stream } from "effect"
import * as NodeStream from "@effect/platform-node/NodeStream"
import type { Format } from "../../format/Format.ts"
import { explain, names, parse, sets } from "../../format/Formats.ts"
import { round as roundAll } from "../../format/round.ts"
import { dim, print, printBytes, printJson, short, table } from "../Output.ts"
import { Wrong } from "../Words.ts"

const memberships = (name: string): ReadonlyArray<string> =>
  Object.entries(sets).flatMap(([set, members]) => (members.includes(name) ? [set] : []))

/** Smallest positive value and range of a format. */
const describe = (format: Format) => ({
  name: format.name,
  kind: format.kind,
  bits: format.bits,
  mantissaBits: format.mantissaBits,
  minExponent: format.minExponent,
  min: format.lo,
  max: format.hi,
  smallest: 2 ** (format.minExponent - format.mantissaBits),
  scaled: format.scaled,
  sets: memberships(format.name),
})

const named = (name: string) => {
  const format = parse(name)
  return format === undefined
    ? Effect.fail(new Wrong({ message: `${name}: ${explain(name)}` }))
    : Effect.succeed(format)
}

export const list = Effect.fn("format list")(function* ({ json }: { readonly json: boolean }) {
  const formats = names.map((name) => describe(parse(name)!))
  if (json) return yield* printJson({ formats, sets })
  yield* print(
    table(
      ["format", "bits", "smallest", "largest", "scaled", "sets"],
      formats.map((format) => [
        format.name,
        String(format.bits),
        short(format.smallest),
        short(format.max, 6),
        format.scaled ? "yes" : "no",
        format.sets.join(" "),
      ]),
    ),
  )
  yield* print(dim("sets may stand wherever a list of formats may"))
})

export const show = Effect.fn("format show")(function* (input: {
  readonly name: string
  readonly json: boolean
}) {
  const described = describe(yield* named(input.name))
  if (input.json) return yield* printJson(described)
  for (const [key, value] of Object.entries(described))
    yield* print(`${key.padEnd(13)} ${Array.isArray(value) ? value.join(" ") : String(value)}`)
})

const littleEndian = (bytes: Uint8Array): Float32Array => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true))
}

const toBytes = (values: Float32Array): Uint8Array => {
  const view = new DataView(new ArrayBuffer(values.length * 4))
  values.forEach((value, i) => view.setFloat32(4 * i, value, true))
  return new Uint8Array(view.buffer)
}

export const round = Effect.fn("format round")(function* ({ name }: { readonly name: string }) {
  const format = yield* named(name)
  let rest: Uint8Array = new Uint8Array(0)
  let total = 0
  yield* NodeStream.fromReadable<Uint8Array, Wrong>({
    evaluate: () => process.stdin,
    onError: (error) => new Wrong({ message: `stdin cannot be read: ${String(error)}` }),
  }).pipe(
    Stream.runForEach((chunk) => {
      // A chunk may end inside a value.
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      const whole = bytes.length - (bytes.length % 4)
      rest = bytes.subarray(whole)
      total += chunk.length
      return printBytes(toBytes(roundAll(format, littleEndian(bytes.subarray(0, whole)))))
    }),
  )
  if (rest.length > 0)
    return yield* new Wrong({
      message: `${total} bytes came on stdin; float32 values take 4 each, so a multiple of 4 would be right`,
    })
})
