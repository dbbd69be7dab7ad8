/** `fliqs import`: a policy with its weights becomes files that an experiment runs on; what does not fit is refused. */
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { PolicyTarget } from "../../src/export/PolicyTarget.ts"
import { safetensors } from "../../src/export/SafetensorsTarget.ts"
import { load } from "../../src/tensor/Backend.ts"
import { makeFolder } from "../disk/folder.ts"
import { findModel } from "../export/found.ts"
import { spaces } from "../export/spaces.ts"
import { fliqs } from "./fliqs.ts"
import { usualOptions } from "../../src/export/Target.ts"

const folder = makeFolder()
const policy = join(folder, "found.json")

beforeAll(async () => {
  await Effect.runPromise(load({ threads: 1 }))
  const model = findModel(spaces["resnetInt"]!, undefined, 4)
  writeFileSync(policy, Buffer.concat(PolicyTarget.write(model, usualOptions)[0]!.parts))
  writeFileSync(join(folder, "found.safetensors"), Buffer.concat(safetensors(model)))
  const other = findModel(spaces["resnetInt"]!, undefined, 5)
  writeFileSync(join(folder, "other.safetensors"), Buffer.concat(safetensors(other)))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const experiment = `space: space.yaml
data: { kind: synthetic, height: 32, width: 32, channels: 3, classes: 10 }
search: { kind: fixed, assignment: assignment.json }
train: { steps: 10, initial: { safetensors: weights.safetensors } }
`

describe("fliqs import", () => {
  it("writes what an experiment names", async () => {
    const out = join(folder, "again")
    const { code, stderr, stdout } = await fliqs(["import", policy, "--out", out])
    expect([code, stderr]).toEqual([0, ""])
    expect(String(stdout)).toMatch(/stage1\.0\.conv1 +INT\d+ +INT\d+/)
    expect(String(stdout)).toContain("its weights are in ")
    writeFileSync(join(out, "experiment.yaml"), experiment)
    const checked = await fliqs(["validate", join(out, "experiment.yaml")])
    expect([checked.code, checked.stderr]).toEqual([0, ""])
    const again = await fliqs(["import", policy, "--out", out])
    expect(again.code).toBe(2)
    expect(again.stderr).toContain("is there already")
  })

  it("prints JSON", async () => {
    const { code, stdout } = await fliqs(["import", policy, "--json"])
    expect(code).toBe(0)
    const { layers, network, weights } = JSON.parse(String(stdout))
    expect([network, weights]).toEqual(["resnet-int", join(folder, "found.safetensors")])
    expect(layers[0]).toMatchObject({ path: "stem", kind: "conv", weights: 600 })
  })

  it("refuses other weights, and what is unknown by name and place", async () => {
    const other = await fliqs(["import", policy, "--weights", join(folder, "other.safetensors")])
    expect(other.code).toBe(2)
    expect(other.stderr).toMatch(/other\.safetensors: these are other weights/)
    const wrong = join(folder, "wrong.json")
    writeFileSync(wrong, readFileSync(policy, "utf8").replace('"policy": 1', '"policy": 7'))
    const version = await fliqs(["import", wrong])
    expect(version.code).toBe(2)
    expect(version.stderr).toMatch(/wrong\.json:2:13 policy: version 7 of policy files is unknown/)
  })
})
