/** `fliqs export`: nothing is called done that does not answer as the network; what fails leaves no file behind. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Result } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ensureTorch, python } from "../../bench/peers/Torch.ts"
import * as State from "../../src/orchestrator/State.ts"
import { decode, encode } from "../../src/train/KeptModel.ts"
import { missingOf } from "../export/python.ts"
import { experiment, fliqs, json, makeFolder, space } from "./fliqs.ts"

const { folder, remove } = makeFolder({
  "space.yaml": space,
  "experiment.yaml": experiment
    .replace("steps: 300", "steps: 20")
    .replace("warmupSteps: 5", "warmupSteps: 2")
    .replace(/\n(?:matrix|controls): .*/gu, ""),
})
let missing: string | undefined
let trial = ""
beforeAll(async () => {
  missing = missingOf(ensureTorch, "PyTorch")
  const ran = await fliqs(["run", "experiment.yaml"], { cwd: folder })
  if (ran.code !== 0) throw new Error(ran.stderr)
  const listed = await fliqs(["list", "--json"], { cwd: folder })
  trial = json<ReadonlyArray<{ readonly id: string }>>(listed)[0]!.id
}, 1_200_000)
afterAll(remove)

const exportTo = (to: string, out: string, ...words: ReadonlyArray<string>) =>
  fliqs(["export", trial, "--to", to, "--out", out, "--images", "40", ...words], { cwd: folder })

interface Exported {
  readonly verified: null | {
    readonly runtime: string
    readonly images: number
    readonly passed: boolean
  }
  readonly notRun?: string
}

const written = (out: string): ReadonlyArray<string> =>
  existsSync(join(folder, out)) ? readdirSync(join(folder, out)).sort() : []

const pytorchFiles = ["assignment.json", "model.py", "weights.safetensors"]

describe("fliqs export", () => {
  it("runs an ONNX file on test images", async () => {
    const answer = await exportTo("onnx", "found.onnx", "--json")
    expect([answer.code, answer.stderr]).toEqual([0, ""])
    expect(json<Exported>(answer).verified).toMatchObject({ images: 40, passed: true })
    expect(existsSync(join(folder, "found.onnx.unverified"))).toBe(false)
  })

  it("runs a PyTorch folder in the named Python", async ({ skip }) => {
    skip(missing !== undefined)
    const answer = await exportTo("pytorch", "found", "--python", python, "--json")
    expect([answer.code, answer.stderr]).toEqual([0, ""])
    const { verified } = json<Exported>(answer)
    expect(verified).toMatchObject({ images: 40, passed: true })
    expect(verified!.runtime).toMatch(/^torch 2\.13\.0/)
    expect(written("found")).toEqual(pytorchFiles)
    expect(existsSync(join(folder, "found.unverified"))).toBe(false)
  })

  it("says that a PyTorch folder was not run where no Python has torch", async () => {
    const answer = await fliqs(["export", trial, "--to", "pytorch", "--out", "unrun"], {
      cwd: folder,
      env: { FLIQS_PYTHON: "/bin/false" },
    })
    expect([answer.code, answer.stderr]).toEqual([0, ""])
    expect(String(answer.stdout)).toContain("not compared: /bin/false has no torch and safetensors")
    expect(written("unrun")).toEqual(pytorchFiles)
  })

  it("fails where the named Python has no torch, and writes nothing", async () => {
    const answer = await exportTo("pytorch", "unwritten", "--python", "/bin/false")
    expect(answer.code).toBe(1)
    expect(answer.stderr).toContain("unwritten was not written: it does not run: /bin/false")
    expect(written("unwritten")).toEqual([])
    expect(written("unwritten.unverified")).toEqual([])
  })

  describe("of a model whose logits are no numbers", () => {
    let file = ""
    let before = Buffer.alloc(0)
    beforeAll(() => {
      file = State.modelFile(join(folder, ".fliqs"), trial)
      before = readFileSync(file)
      const { fliqs: version, model } = Result.getOrThrow(decode(before))
      const biases = [...model.weights].filter(([name]) => /bias/iu.test(name))
      for (const [, { values }] of biases) values.fill(Number.NaN)
      writeFileSync(file, Buffer.concat(encode(model, version)))
    })
    afterAll(() => writeFileSync(file, before))

    const fails = async (to: string, out: string, ...words: ReadonlyArray<string>) => {
      const answer = await exportTo(to, out, ...words)
      expect(answer.code).toBe(1)
      expect(answer.stderr).toContain(`${out} was not written: of 40 images 0 have`)
      expect(existsSync(join(folder, `${out}.unverified`))).toBe(false)
    }

    it("--to onnx fails; what stood there stays", async () => {
      writeFileSync(join(folder, "kept.onnx"), "before")
      await fails("onnx", "kept.onnx")
      expect(readFileSync(join(folder, "kept.onnx"), "utf8")).toBe("before")
    })

    it("--to pytorch fails, and leaves no folder", async ({ skip }) => {
      skip(missing !== undefined)
      await fails("pytorch", "none", "--python", python)
      expect(written("none")).toEqual([])
    })
  })
})
