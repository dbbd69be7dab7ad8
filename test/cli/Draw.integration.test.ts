/** `draw` as a person calls it: files of a space and of an assignment, and what it refuses. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { fliqs, makeFolder, space } from "./fliqs.ts"

const { folder, remove } = makeFolder({
  "space.yaml": space,
  "assignment.json": JSON.stringify({
    "stem.format": "INT8",
    "body.format": "INT2",
    "classifier.format": "INT4",
  }),
  "wrong.json": JSON.stringify({ "stem.format": "INT9" }),
})
afterAll(remove)
const at = { cwd: folder }

it("writes an SVG of the options, and one of what was decided", async () => {
  const open = await fliqs(["draw", "space.yaml", "--out", "open.svg"], at)
  expect(open.code).toBe(0)
  const words = ["draw", "space.yaml", "--assignment", "assignment.json", "--out", "decided.svg"]
  expect((await fliqs(words, at)).code).toBe(0)
  const [first, second] = ["open.svg", "decided.svg"].map((file) =>
    readFileSync(join(folder, file), "utf8"),
  )
  expect(first).toContain("options of a decision:")
  expect(second).toMatch(/class="on pale"[^>]*>INT2</)
  expect(second).not.toContain("options of a decision:")
})

it("writes a PNG where the name ends so", async () => {
  expect((await fliqs(["draw", "space.yaml", "--out", "open.png"], at)).code).toBe(0)
  expect(readFileSync(join(folder, "open.png")).subarray(1, 4).toString()).toBe("PNG")
})

it("tells what is wrong with an assignment, a file, a trial", async () => {
  const wrong = await fliqs(
    ["draw", "space.yaml", "--assignment", "wrong.json", "--out", "x.svg"],
    at,
  )
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("INT9 is not offered")])
  const missing = await fliqs(["draw", "nothing.yaml", "--out", "x.svg"], at)
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining("nothing.yaml")])
  const trial = await fliqs(["draw", "0123abcd", "--out", "x.svg", "--state", "state"], at)
  expect([trial.code, trial.stderr]).toEqual([2, expect.stringContaining("no trial 0123abcd")])
  const both = await fliqs(["draw", "space.yaml", "--out", "x.svg", "--state", "state"], at)
  expect([both.code, both.stderr]).toEqual([2, expect.stringContaining("leave it out")])
})
