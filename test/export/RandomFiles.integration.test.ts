/** Random networks under random assignments, as files that onnxruntime and TensorFlow.js run. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, it } from "vitest"
import { OnnxTarget } from "../../src/export/onnx/OnnxTarget.ts"
import { usualOptions } from "../../src/export/Target.ts"
import { TfjsTarget } from "../../src/export/tensorflow/TfjsTarget.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { randomNetwork, seeds } from "../supernet/randomNetworks.ts"
import { loadBackend } from "../tensor/support.ts"
import { modelOf } from "./models.ts"
import { compared, expectSame } from "./verified.ts"

beforeAll(() => loadBackend(true))
const folder = mkdtempSync(join(tmpdir(), "fliqs-random-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each([OnnxTarget, TfjsTarget])("--to $name", (target) => {
  it.each(seeds)("random network %i", async (seed) => {
    const random = randomStream(seed, "export")
    const model = modelOf(randomNetwork(seed), ({ space }) =>
      space.decisions.map(({ options }) => random.integer(options.length)),
    )
    const at = join(folder, `${seed}.${target.name}`)
    for (const { path, parts } of target.write(model, usualOptions)) {
      const file = path === "" ? at : join(at, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, Buffer.concat(parts))
    }
    const runner = await target.open!(at, model, usualOptions)
    if ("notRun" in runner) throw new Error(runner.notRun)
    expectSame(await compared(model, runner))
  })
})
