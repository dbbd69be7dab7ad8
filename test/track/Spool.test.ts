import * as nodeFs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { Event } from "../../src/track/Event.ts"
import * as Spool from "../../src/track/Spool.ts"
import * as SpoolReader from "../../src/track/SpoolReader.ts"
import * as SpoolRecord from "../../src/track/SpoolRecord.ts"

let folder: string
let file: string
beforeEach(() => {
  folder = nodeFs.mkdtempSync(join(tmpdir(), "spool-"))
  file = join(folder, Spool.fileName)
})
afterEach(() => nodeFs.rmSync(folder, { recursive: true, force: true }))

const events: ReadonlyArray<Event> = [
  {
    type: "start",
    time: 1,
    gridId: "g",
    trialId: "t",
    experiment: "e",
    name: "n",
    tags: { a: "b" },
  },
  { type: "parameters", values: { "train/rate": "0.1", name: "größe" } },
  { type: "dataset", name: "cifar10", digest: "d", context: "train", profile: { rows: 5 } },
  { type: "metrics", step: 1, time: 2, values: { loss: 0.5, "train/x": -0.25 } },
  { type: "metrics", step: 2, time: 3, values: { loss: Number.NaN, "train/x": Infinity } },
  { type: "artifact", path: "a/b.json", file: "b.json" },
  { type: "tag", key: "k", value: "v\nw" },
  { type: "end", time: 9, status: "FAILED", message: "no" },
]

const write = (list: ReadonlyArray<Event>, options?: Parameters<typeof Spool.open>[1]) => {
  const spool = Spool.open(file, options)
  for (const event of list) spool.append(event)
  spool.close()
}
const read = (offset = 0) =>
  Effect.runPromise(SpoolReader.read(file, offset).pipe(Effect.provide(NodeServices.layer)))
const readEvents = async (offset = 0) => (await read(offset)).events.map(({ event }) => event)

describe("writing and reading", () => {
  it("gives back what was written, in order", async () => {
    write(events)
    expect(await readEvents()).toEqual(events)
  })

  it("goes on from the end of any event", async () => {
    write(events)
    const { events: all, offset } = await read()
    expect(all.at(-1)!.end).toBe(offset)
    for (const [i, { end }] of all.entries()) {
      expect(await readEvents(end)).toEqual(events.slice(i + 1))
    }
  })

  it("begins again when the offset is not the start of a record", async () => {
    write(events)
    expect(await readEvents(77)).toEqual(events)
    expect(await readEvents(1e9)).toEqual(events)
  })

  it("has no events where there is no file", async () => {
    expect(await readEvents()).toEqual([])
  })

  it("stays readable without the tool: crc, length, JSON", () => {
    write(events.slice(0, 1))
    const lines = nodeFs.readFileSync(file, "utf8").trimEnd().split("\n")
    expect(lines[0]).toMatch(/^[0-9a-f]{8} 28 \{"type":"spool","version":1\}$/)
    expect(JSON.parse(lines[1]!.split(" ").slice(2).join(" "))).toEqual(events[0])
  })

  it("reads a file far larger than one window", async () => {
    const many = Array.from({ length: 30_000 }, (_, i): Event => ({
      type: "metrics",
      step: i,
      time: i,
      values: { "search/quality": i / 7 },
    }))
    write(many)
    const got: Array<Event> = []
    for (let offset = 0; ;) {
      const part = await read(offset)
      if (part.events.length === 0) break
      got.push(...part.events.map(({ event }) => event))
      offset = part.offset
    }
    expect(got).toEqual(many)
  })

  it("tells each step of a metric once, however often it is repeated after a checkpoint", async () => {
    write(events)
    write([
      { type: "metrics", step: 1, time: 77, values: { loss: 0.5 } },
      { type: "metrics", step: 2, time: 78, values: { loss: 4, fresh: 1 } },
      { type: "metrics", step: 3, time: 79, values: { loss: 2 } },
    ])
    expect((await readEvents()).slice(events.length)).toEqual([
      { type: "metrics", step: 2, time: 78, values: { fresh: 1 } },
      { type: "metrics", step: 3, time: 79, values: { loss: 2 } },
    ])
  })

  it("refuses a file of a newer version by name", async () => {
    write([])
    const line = nodeFs.readFileSync(file)
    const json = `{"type":"spool","version":2}`
    const { crc32 } = await import("node:zlib")
    nodeFs.writeFileSync(
      file,
      `${crc32(json).toString(16).padStart(8, "0")} ${json.length} ${json}\n`,
    )
    expect(nodeFs.readFileSync(file).length).toBe(line.length)
    expect(() => Spool.open(file)).toThrow(/spool\.jsonl has version 2/)
    await expect(read()).rejects.toThrow(/version 2/)
  })
})

describe("damage", () => {
  it("is noticed for every flipped bit, and costs at most the record it is in", () => {
    write(events)
    const bytes = nodeFs.readFileSync(file)
    const whole = SpoolRecord.scan(bytes).lines.map(({ json }) => json)
    for (let i = 0; i < bytes.length; i++) {
      for (let bit = 0; bit < 8; bit++) {
        const broken = Buffer.from(bytes)
        broken[i]! ^= 1 << bit
        const left = SpoolRecord.scan(broken).lines.map(({ json }) => json)
        const lost = bytes[i] === 0x0a ? 2 : 1
        expect(left.length).toBeLessThan(whole.length)
        expect(left.length).toBeGreaterThanOrEqual(whole.length - lost)
        expect(left.every((json) => whole.includes(json))).toBe(true)
      }
    }
  })

  it("of the tail is cut back for every truncation, with a warning", async () => {
    const few = events.slice(1, 4)
    write(few)
    const bytes = nodeFs.readFileSync(file)
    const ends = SpoolRecord.scan(bytes).lines.map(({ end }) => end)
    for (let length = 0; length < bytes.length; length++) {
      nodeFs.writeFileSync(file, bytes.subarray(0, length))
      const warnings: Array<string> = []
      const spool = Spool.open(file, {
        // Hundreds of real ones would only make the disk wait.
        fs: { ...nodeFs, fdatasyncSync: () => {} },
        onWarning: (message) => warnings.push(message),
      })
      spool.append({ type: "tag", key: "after", value: "cut" })
      spool.close()
      const good = ends.filter((end) => end <= length).length
      expect(warnings.length).toBe(length === 0 || ends.includes(length) ? 0 : 1)
      expect(await readEvents()).toEqual([
        ...few.slice(0, Math.max(0, good - 1)),
        { type: "tag", key: "after", value: "cut" },
      ])
    }
  })

  it("in the middle is stepped over and told", async () => {
    write(events)
    const bytes = nodeFs.readFileSync(file)
    bytes[SpoolRecord.scan(bytes).lines[2]!.end + 30]! ^= 1
    nodeFs.writeFileSync(file, bytes)
    const warnings: Array<string> = []
    Spool.open(file, { onWarning: (message) => warnings.push(message) }).close()
    expect(warnings).toHaveLength(1)
    expect(await readEvents()).toEqual(events.filter((_, i) => i !== 2))
    expect((await read()).skippedBytes).toBeGreaterThan(30)
  })

  it("at the end is not stepped over by a reader, since the writer will cut it back", async () => {
    write(events)
    const bytes = nodeFs.readFileSync(file)
    bytes[bytes.length - 5]! ^= 1
    nodeFs.writeFileSync(file, bytes)
    const { events: left, offset } = await read()
    expect(left).toHaveLength(events.length - 1)
    expect(offset).toBe(left.at(-1)!.end)
  })
})

const failing = (fails: (call: number) => "error" | "half" | undefined) => {
  let call = 0
  const fs: Spool.SpoolFiles = {
    ...nodeFs,
    writeSync: ((fd: number, bytes: Buffer, offset: number, length: number) => {
      const how = fails(call++)
      if (how === "error") throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" })
      if (how === "half") return nodeFs.writeSync(fd, bytes, offset, Math.max(1, length >> 1))
      return nodeFs.writeSync(fd, bytes, offset, length)
    }) as typeof nodeFs.writeSync,
  }
  return fs
}

describe("a disk that fails", () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
    "loses nothing when write %i and the next fail",
    async (n) => {
      const warnings: Array<string> = []
      const spool = Spool.open(file, {
        fs: failing((call) =>
          call === n ? "half" : call === n + 1 || call === n + 2 ? "error" : undefined,
        ),
        onWarning: (message) => warnings.push(message),
      })
      for (const event of events) spool.append(event)
      spool.close()
      expect(spool.waiting).toBe(0)
      expect(warnings).toHaveLength(1)
      expect(await readEvents()).toEqual(events)
    },
  )

  it("keeps events in memory until there is room", async () => {
    let full = true
    const spool = Spool.open(file, { fs: failing(() => (full ? "error" : undefined)) })
    for (const event of events) spool.append(event)
    expect(spool.waiting).toBe(events.length + 1)
    full = false
    spool.close()
    expect(await readEvents()).toEqual(events)
  })

  it("starts a new line behind a torn one that cannot be taken back", async () => {
    let call = 0
    const spool = Spool.open(file, {
      fs: {
        ...failing(() => (call++ === 3 ? "half" : call === 5 ? "error" : undefined)),
        ftruncateSync: () => {
          throw new Error("EIO")
        },
      },
    })
    for (const event of events) spool.append(event)
    spool.close()
    expect(await readEvents()).toEqual(events)
  })
})
