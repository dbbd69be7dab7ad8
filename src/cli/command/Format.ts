/** `fliqs format list|show|round`. */
import { Effect, Option, Stream } from "effect"
import * as NodeStream from "@effect/platform-node/NodeStream"
import type { Format, SharedExponent } from "../../format/Format.ts"
import { explain, names, parse, sets, storageBits } from "../../format/Formats.ts"
import { round as roundAll } from "../../format/round.ts"
import { type BlockOptions, roundBlocks } from "../../format/roundBlocks.ts"
import { dim, note, print, printBytes, printJson, short, table } from "../Output.ts"
import { Wrong } from "../ErrorMessages.ts"

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
  negativeZero: format.negativeZero,
  scaled: format.scaled,
  zeroPoint: format.zeroPoint !== undefined,
  reserved: format.reserved ?? [],
  storageBits: storageBits(format),
  block: format.block === undefined ? null : format.block.size,
  blockScale: format.block === undefined ? null : format.block.scale,
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
        String(format.storageBits),
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
  const { reserved } = described
  const codes = reserved.length === 0 ? "nothing: every code is a finite number" : reserved
  for (const [key, value] of Object.entries({ ...described, reserved: codes }))
    yield* print(`${key.padEnd(13)} ${Array.isArray(value) ? value.join(" ") : String(value)}`)
})

const unevenInput = (bytes: number): Wrong =>
  new Wrong({
    message: `${bytes} bytes came on stdin; float32 values take 4 each, so a multiple of 4 would be right`,
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

/** All of standard input is the tensor; consecutive values form blocks. */
const roundInBlocks = Effect.fn("format round blocks")(function* (
  format: Format,
  options: BlockOptions,
) {
  const chunks = yield* NodeStream.fromReadable<Uint8Array, Wrong>({
    evaluate: () => process.stdin,
    onError: (error) => new Wrong({ message: `stdin cannot be read: ${String(error)}` }),
  }).pipe(Stream.runCollect)
  const bytes = Buffer.concat([...chunks])
  if (bytes.length % 4 !== 0) return yield* unevenInput(bytes.length)
  yield* printBytes(toBytes(roundBlocks(format, littleEndian(bytes), options)))
})

export const round = Effect.fn("format round")(function* ({
  name,
  block,
  sharedExponent,
}: {
  readonly name: string
  readonly block: Option.Option<number>
  readonly sharedExponent: Option.Option<SharedExponent>
}) {
  const format = yield* named(name)
  if (Option.isSome(sharedExponent) && format.block?.scale !== "E8M0")
    return yield* new Wrong({
      message: `${name} has no shared exponent; leave --shared-exponent out`,
    })
  if (format.block !== undefined) {
    if (Option.isNone(sharedExponent) && format.block.scale === "E8M0")
      yield* note(
        `${name}: shared exponent by the rule floor (OCP); --shared-exponent names another`,
      )
    return yield* roundInBlocks(format, {
      size: Option.getOrElse(block, () => format.block!.size),
      sharedExponent: Option.getOrElse(sharedExponent, () => "floor" as const),
    })
  }
  if (Option.isSome(block))
    return yield* new Wrong({ message: `${name} has no blocks; leave --block out` })
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
  if (rest.length > 0) return yield* unevenInput(total)
})
