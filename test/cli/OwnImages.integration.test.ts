/** What validate, plan and data verify say of a folder of images: processes of their own, real files. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { writeClasses } from "../data/imageFolders.ts"
import { tiff } from "../data/rawImages.ts"
import { fliqs, json, space } from "./fliqs.ts"

interface Splits {
  readonly splits: ReadonlyArray<object>
  readonly splitUses: object
  readonly otherFiles: number
}

let folder: string
const experiment = (data: string) => `space: space.yaml
data: { kind: imageFolder, heldOut: 4, height: 8, width: 8, ${data} }
train: { steps: 10 }
reward: { cost: { target: { times: 1, uniform: INT4 } } }
track: { kind: none }
`

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fliqs-own-"))
  writeFileSync(join(folder, "space.yaml"), space.replace("classes: 10", "classes: 2"))
  await writeClasses(join(folder, "pets", "train"), [12, 12])
  await writeClasses(join(folder, "pets", "valid"), [3, 2])
  mkdirSync(join(folder, "pets", "test"))
  for (let i = 0; i < 7; i++) writeFileSync(join(folder, "pets", "test", `${i}.jpg`), "no label")
  writeFileSync(join(folder, "pets", "train", "c0", "list.txt"), "x")
  writeFileSync(join(folder, "pets", "README.md"), "x")
  writeFileSync(join(folder, "pets.yaml"), experiment("path: pets"))
  // the same as links to a store beside it
  cpSync(join(folder, "pets"), join(folder, "store"), { recursive: true })
  for (const split of ["train", "valid"])
    for (const label of ["c0", "c1"]) {
      mkdirSync(join(folder, "linked", split, label), { recursive: true })
      for (let i = 0; i < (split === "train" ? 12 : 2); i++) {
        const name = `${String(i).padStart(3, "0")}.${i % 3 === 2 ? "jpg" : "png"}`
        symlinkSync(
          join(folder, "store", split, label, name),
          join(folder, "linked", split, label, name),
        )
      }
    }
  writeFileSync(join(folder, "linked.yaml"), experiment("path: linked"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const expected: Splits = {
  splits: [
    { name: "train", images: 24, classes: 2, passedOver: 1, broken: 0 },
    { name: "valid", images: 5, classes: 2, passedOver: 0, broken: 0 },
    { name: "test", images: 0, classes: 0, passedOver: 7, broken: 0 },
  ],
  splitUses: { train: "train", heldOut: "train", test: "valid" },
  otherFiles: 1,
}

describe("splits, classes and counts", () => {
  it("are shown by validate and plan, before anything is decoded", async () => {
    const validated = await fliqs(["validate", "pets.yaml", "--json"], { cwd: folder })
    expect(json<ReadonlyArray<unknown>>(validated)[0]).toMatchObject(expected)
    const planned = await fliqs(["plan", "pets.yaml", "--json"], { cwd: folder })
    expect(json(planned)).toMatchObject({
      ...expected,
      dataSets: [{ name: "pets", ...expected, trials: [expect.any(String)] }],
    })
    const text = await fliqs(["validate", "pets.yaml"], { cwd: folder })
    expect(text.stdout.toString()).toMatch(
      /\nvalid +test +5 +2 +0 +0\ntest +not used +0 +0 +7 +0\n/,
    )
    expect(text.stderr).toMatch(/pets\/test has no folders of classes, and so no labels/)
  })

  it("are shown by data verify with what cannot be decoded, which ends with 1", async () => {
    const verify = (...words: ReadonlyArray<string>) =>
      fliqs(["data", "verify", "imageFolder", "--path", "pets", ...words], { cwd: folder })
    const whole = await verify("--json")
    expect(whole.code).toBe(0)
    expect(json(whole)).toMatchObject({ ...expected, brokenFiles: [] })
    writeFileSync(
      join(folder, "pets", "valid", "c0", "height.tif"),
      tiff({
        width: 2,
        height: 2,
        bits: 32,
        format: 3,
        photometric: 1,
        samples: 1,
        data: new Uint8Array(Float32Array.of(0, 0.25, 0.5, 1).buffer),
      }),
    )
    const broken = await verify("--json")
    expect(broken.code).toBe(1)
    expect(json(broken)).toMatchObject({
      splits: [{}, { name: "valid", images: 6, broken: 1 }, {}],
      brokenFiles: [
        { file: "valid/c0/height.tif", why: expect.stringMatching(/^32-bit float samples/) },
      ],
    })
    const text = await verify()
    expect([text.code, text.stderr]).toEqual([
      1,
      expect.stringMatching(/1 file cannot be decoded.*\nvalid\/c0\/height.tif \(32-bit float/),
    ])
    rmSync(join(folder, "pets", "valid", "c0", "height.tif"))
  })

  it("are known of what is fetched without fetching it", async () => {
    writeFileSync(
      join(folder, "cifar.yaml"),
      experiment("path: pets").replace(/^data: .*/m, "data: { kind: mnist }"),
    )
    writeFileSync(
      join(folder, "space.yaml.10"),
      space.replace("height: 8, width: 8, channels: 3", "height: 28, width: 28, channels: 1"),
    )
    const planned = await fliqs(["plan", "cifar.yaml", "--set", "space=space.yaml.10", "--json"], {
      cwd: folder,
    })
    expect(json<Splits>(planned).splits).toEqual([
      { name: "train", images: 60_000, classes: 10, passedOver: 0, broken: 0 },
      { name: "test", images: 10_000, classes: 10, passedOver: 0, broken: 0 },
    ])
  })
})

describe("links out of the folder", () => {
  it("are refused with the key that allows them, and followed with it", async () => {
    const refused = await fliqs(["validate", "linked.yaml"], { cwd: folder })
    expect([refused.code, refused.stdout.toString()]).toEqual([
      2,
      expect.stringMatching(/28 of 28 images are broken.*\(data.links: follow allows that\)/),
    ])
    const counted = await fliqs(["validate", "linked.yaml", "--json"], { cwd: folder })
    expect(json<ReadonlyArray<Splits>>(counted)[0]!.splits).toMatchObject([
      { name: "train", images: 24, broken: 24 },
      { name: "valid", images: 4, broken: 4 },
    ])
    const allowed = await fliqs(["plan", "linked.yaml", "--set", "data.links=follow", "--json"], {
      cwd: folder,
    })
    expect(json<Splits>(allowed).splits).toMatchObject([{ images: 24 }, { images: 4 }])
    const verify = ["data", "verify", "imageFolder", "--path", "linked"]
    const broken = await fliqs(verify, { cwd: folder })
    expect([broken.code, broken.stderr]).toEqual([
      1,
      expect.stringMatching(/28 files cannot be decoded.*--set links=follow/),
    ])
    const whole = await fliqs([...verify, "--set", "links=follow"], { cwd: folder })
    expect(whole.code).toBe(0)
    const slip = await fliqs([...verify, "--set", "link=follow"], { cwd: folder })
    expect([slip.code, slip.stderr]).toEqual([
      2,
      expect.stringMatching(/--set link=follow: unknown key "link"; did you mean links\?/),
    ])
    const nothing = await fliqs(["data", "verify", "synthetic", "--set", "links=follow"])
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringMatching(/changes nothing/)])
  })
})
