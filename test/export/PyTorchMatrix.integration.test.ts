/** Every format x granularity x kind of layer as a PyTorch folder, all run by one process of Python. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { ensureTorch, python } from "../../bench/peers/Torch.ts"
import * as Container from "../../src/disk/TensorFile.ts"
import { PyTorchTarget } from "../../src/export/PyTorchTarget.ts"
import { openChild } from "../../src/export/Verify.ts"
import { loadBackend } from "../tensor/support.ts"
import { drawImages } from "./models.ts"
import { combinations, differing } from "./oneLayer.ts"
import { missingOf, runPython } from "./python.ts"
import { usualOptions } from "../../src/export/Target.ts"

let missing: string | undefined
beforeAll(async () => {
  await loadBackend(true)
  missing = missingOf(ensureTorch, "PyTorch")
}, 1_200_000)
const folder = mkdtempSync(join(tmpdir(), "fliqs-matrix-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const count = 4

it("every folder gives the network's logits", ({ skip }) => {
  skip(missing !== undefined)
  const expected = new Map<string, Float32Array>()
  for (const { model: make, name } of combinations) {
    const model = make()
    const at = join(folder, name)
    mkdirSync(at)
    for (const { parts, path } of PyTorchTarget.write(model, usualOptions))
      writeFileSync(join(at, path), Buffer.concat(parts))
    const images = drawImages(model.network, count, 5)
    const { channels, height, width } = model.network.graph.input
    const shape = [count, height, width, channels]
    const given = Container.encode([{ name: "bytes", dtype: "U8", shape, bytes: images }])
    writeFileSync(join(at, "images.safetensors"), Buffer.concat(given))
    const child = openChild(model)
    expected.set(name, child.logits({ images, count }))
    child.dispose()
  }
  const ran = runPython(python, "runFolders.py", folder) as Readonly<
    Record<string, ReadonlyArray<ReadonlyArray<number>>>
  >
  const wrong = combinations.filter(({ isAlone, name }) => {
    const theirs = Float32Array.from(ran[name]!.flat())
    // as for ONNX files: behind another layer the order of a sum may tip a rounding
    const [share, allowed] = isAlone ? [2e-6, 0] : [2e-3, count / 2]
    return differing(expected.get(name)!, theirs, count, share) > allowed
  })
  expect(wrong.map(({ name }) => name)).toEqual([])
}, 600_000)
