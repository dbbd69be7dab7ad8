/** Records: every flipped bit and every truncation is noticed, and earlier ones are read. */
import { NodeServices } from "@effect/platform-node"
import { Effect, Schema } from "effect"
import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Record from "../../src/disk/JsonRecord.ts"
import { makeFolder } from "./folder.ts"

const Sample = Schema.Struct({
  version: Schema.Literal(1),
  name: Schema.String,
  values: Schema.Record(Schema.String, Schema.Finite),
  list: Schema.Array(Schema.Struct({ a: Schema.Int })),
  more: Schema.optionalKey(Schema.Unknown),
})
const sample = { version: 1, name: 'ü "quoted"', values: { x: 0.5, y: -1e-9 }, list: [{ a: 1 }] }
const read = Record.reader(Sample)

let folder: string
beforeAll(() => {
  folder = makeFolder()
})
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

const readBytes = async (bytes: Uint8Array | string) => {
  const file = join(folder, "record.json")
  fs.writeFileSync(file, bytes)
  return Effect.runPromise(Effect.result(read(file)).pipe(Effect.provide(NodeServices.layer)))
}
const problem = async (bytes: Uint8Array | string) => {
  const result = await readBytes(bytes)
  return result._tag === "Failure" ? result.failure.reason._tag : result.success
}

describe("a record", () => {
  const bytes = Record.encode(sample)

  it("is read as it was written, and is plain JSON with the checksum last", async () => {
    expect(await problem(bytes)).toEqual(sample)
    const json = JSON.parse(Buffer.from(bytes).toString()) as object
    expect(Object.keys(json).at(-1)).toBe("checksum")
    expect(json).toMatchObject(sample)
  })

  it("with any bit flipped is damaged", async () => {
    const accepted: Array<string> = []
    for (let i = 0; i < bytes.length; i++)
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Uint8Array.from(bytes)
        flipped[i]! ^= 1 << bit
        if ((await problem(flipped)) !== "Damaged") accepted.push(`byte ${i}, bit ${bit}`)
      }
    expect(accepted).toEqual([])
  }, 60_000)

  it("of any shorter length is damaged", async () => {
    for (let length = 0; length < bytes.length; length++)
      expect([length, await problem(bytes.subarray(0, length))]).toEqual([length, "Damaged"])
  })

  it("with bytes that are no UTF-8, or with more behind it, is damaged", async () => {
    expect(await problem(Uint8Array.of(0xff, 0xfe))).toBe("Damaged")
    expect(await problem(Buffer.concat([bytes, Buffer.from("\n")]))).toBe("Damaged")
    expect(await problem(Buffer.concat([bytes, bytes]))).toBe("Damaged")
  })

  it("of an earlier version, without a checksum, is read", async () => {
    expect(await problem(`${JSON.stringify(sample, null, 2)}\n`)).toEqual(sample)
    expect(await problem(JSON.stringify(sample))).toEqual(sample)
  })

  it("without a checksum and with a key that none had is damaged", async () => {
    expect(await problem(JSON.stringify({ ...sample, chfcksum: "sha256:0" }))).toBe("Damaged")
  })

  it("may gain keys in later versions", async () => {
    expect(await problem(Record.encode({ ...sample, later: 1 }))).toEqual(sample)
  })

  it("of a newer version is refused by name; a flipped version is damage", async () => {
    const newer = await readBytes(Record.encode({ ...sample, version: 7 }))
    expect(newer).toMatchObject({
      _tag: "Failure",
      failure: { reason: { _tag: "NewerVersion", found: 7, known: 1 } },
    })
    const text = Buffer.from(bytes).toString().replace('"version": 1', '"version": 7')
    expect(await problem(text)).toBe("Damaged")
  })

  it("that is missing is undefined; a folder in its place is said as such", async () => {
    const at = (path: string) =>
      Effect.runPromise(Effect.result(read(path)).pipe(Effect.provide(NodeServices.layer)))
    expect(await at(join(folder, "none.json"))).toMatchObject({ success: undefined })
    const inPlace = await at(folder)
    if (inPlace._tag !== "Failure") throw new Error("read a folder")
    expect(inPlace.failure.message).toBe(
      `${folder}: cannot read: it is a folder, not a file (EISDIR)`,
    )
  })
})
