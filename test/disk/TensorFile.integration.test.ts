/** Python's own `safetensors` opens what we write. It comes from PyPI; without Python or PyPI these tests are left out. */
import { execFileSync } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import * as Container from "../../src/disk/TensorFile.ts"
import * as Checkpoint from "../../src/orchestrator/Checkpoint.ts"
import { floatBytes } from "../../src/train/Safetensors.ts"
import { makeFolder } from "./folder.ts"

const folder = makeFolder()
const packages = join(folder, "packages")
let isInstalled = false

beforeAll(() => {
  try {
    execFileSync(
      "python3",
      ["-m", "pip", "install", "--quiet", "--no-deps", "--target", packages, "safetensors==0.8.0"],
      { stdio: "pipe" },
    )
    isInstalled = true
  } catch (error) {
    console.warn(`left out, since safetensors cannot be installed: ${String(error)}`)
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const readInPython = (parts: ReadonlyArray<Uint8Array>): unknown => {
  const file = join(folder, "file.safetensors")
  writeFileSync(file, Buffer.concat(parts))
  const reader = join(import.meta.dirname, "safetensorsReader.py")
  return JSON.parse(
    execFileSync("python3", [reader, file], {
      encoding: "utf8",
      env: { ...process.env, PYTHONPATH: packages },
    }),
  )
}

const values = Float32Array.of(0, -0, 1.5, 2 ** -149, -3e38, 12)
const hex = (floats: Float32Array): string => Buffer.from(floatBytes(floats)).toString("hex")

it("Python reads a checkpoint", ({ skip }) => {
  skip(!isInstalled)
  const state = { logits: [[0.1, 1 / 3]], ключ: 'a "quoted" text\n' }
  const read = readInPython(
    Checkpoint.encode({
      step: 12,
      attempt: 3,
      seconds: 1.25,
      state,
      tensors: {
        "stem.weight": { shape: [2, 3], values },
        scalar: { shape: [], values: Float32Array.of(7) },
        empty: { shape: [0, 4], values: new Float32Array(0) },
      },
    }),
  )
  expect(read).toEqual({
    metadata: {
      kind: "fliqs checkpoint",
      checksum: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      version: "2",
      step: "12",
      attempt: "3",
      seconds: "1.25",
      state: JSON.stringify(state),
    },
    tensors: {
      "stem.weight": ["F32", [2, 3], hex(values)],
      scalar: ["F32", [], hex(Float32Array.of(7))],
      empty: ["F32", [0, 4], ""],
    },
  })
})

it("Python reads every type of values", ({ skip }) => {
  skip(!isInstalled)
  const types = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, U32: 4, I16: 2, U8: 1, BOOL: 1 } as const
  const parts = Object.entries(types).map(([name, size]) => ({
    name,
    dtype: name as keyof typeof types,
    shape: [2],
    bytes: new Uint8Array(2 * size).fill(1),
  }))
  expect(readInPython(Container.encode(parts))).toMatchObject({
    tensors: Object.fromEntries(
      Object.entries(types).map(([name, size]) => [name, [name, [2], "01".repeat(2 * size)]]),
    ),
  })
})
