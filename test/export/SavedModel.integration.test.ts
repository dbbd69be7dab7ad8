/**
 * Python's TensorFlow runs an exported SavedModel and answers as the network does. TensorFlow comes from PyPI; without
 * Python or PyPI these tests are left out.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { pythonEnvironment } from "../../bench/peers/PythonEnvironment.ts"
import type { FoundModel } from "../../src/export/FoundModel.ts"
import type { ExportOptions } from "../../src/export/Target.ts"
import { SavedModelTarget } from "../../src/export/tensorflow/SavedModelTarget.ts"
import { compare, openChild } from "../../src/export/Verify.ts"
import { makeFolder } from "../disk/folder.ts"
import { loadBackend } from "../tensor/support.ts"
import { drawImages, modelOf } from "./models.ts"
import { exampleOf } from "./page.ts"
import { missingOf } from "./python.ts"
import { spaces } from "./spaces.ts"

const version = "2.21.0"
const environment = pythonEnvironment(`tensorflow-cpu-${version}`, [`tensorflow-cpu==${version}`])
const folder = makeFolder()
let missing: string | undefined

beforeAll(async () => {
  await loadBackend(true)
  missing = missingOf(environment.ensure, "Python's TensorFlow")
}, 20 * 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A file of NumPy's format 1.0: bytes of that shape. */
const npy = (bytes: Uint8Array, shape: ReadonlyArray<number>): Buffer => {
  const words = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`
  const header = `${words.padEnd(Math.ceil((words.length + 11) / 64) * 64 - 11)}\n`
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 0, 0])
  start.writeUInt16LE(header.length, 8)
  return Buffer.concat([start, Buffer.from(header), bytes])
}

/** What a program prints, run in the folder of the tests. */
const runPython = (...args: ReadonlyArray<string>): string =>
  execFileSync(environment.python, args, {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 30,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  })

const count = 32
const ofBytes: ExportOptions = { input: "uint8", emulate: false, flavour: "portable" }

const exported = (name: string, model: FoundModel, options: ExportOptions = ofBytes): string => {
  const at = join(folder, name)
  for (const { path, parts } of SavedModelTarget.write(model, options)) {
    mkdirSync(dirname(join(at, path)), { recursive: true })
    writeFileSync(join(at, path), Buffer.concat(parts))
  }
  const { channels, height, width } = model.network.graph.input
  const images = drawImages(model.network, count, 5)
  writeFileSync(join(at, "images.npy"), npy(images, [count, height, width, channels]))
  return at
}

it(
  "gives the network's logits in Python",
  async ({ skip }) => {
    skip(missing !== undefined)
    const chosen = ["resnetInt", "resnetFp", "resnetBlocks", "mobile", "joined", "attended"]
    const models = new Map(
      chosen.map((name) => {
        const model = modelOf(spaces[name]!, ({ space }) =>
          space.decisions.map((_, i) => i % space.decisions[i]!.options.length),
        )
        return [exported(name, model), model]
      }),
    )
    const script = join(import.meta.dirname, "runSavedModel.py")
    const printed = runPython(script, ...models.keys())
    const logits = JSON.parse(printed) as Record<string, ReadonlyArray<ReadonlyArray<number>>>
    for (const [at, model] of models) {
      const child = openChild(model)
      const runner = {
        runtime: "Python",
        logits: async () => Float32Array.from(logits[at]!.flat()),
        close: async () => {},
      }
      const batch = { images: drawImages(model.network, count, 5), count }
      const verified = await compare(child, runner, model.network.graph.classes, [batch])
      expect(verified).toMatchObject({ passed: true, images: count })
      child.dispose()
    }
  },
  10 * 60_000,
)

it("is read by the lines of docs/export.md", ({ skip }) => {
  skip(missing !== undefined)
  const model = modelOf(spaces["resnetInt"]!, ({ space }) => space.decisions.map(() => 0))
  exported("found", model, { ...ofBytes, input: "float32" })
  const printed = runPython("-c", exampleOf("SavedModel", "python"))
  expect(model.classNames).toContain(printed.trim())
}, 60_000)
