/** Every command of docs/tutorial.md, in its order, in one empty folder; with fewer steps, so that it takes minutes. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join, resolve } from "node:path"
import { afterAll, describe, expect, it } from "vitest"

const page = readFileSync("docs/tutorial.md", "utf8")
const commands = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block]) =>
  block!.trim().split("\n"),
)

const folder = mkdtempSync(join(tmpdir(), "fliqs-tutorial-"))
const run = (command: string) =>
  spawnSync("sh", ["-c", command.replaceAll("train.steps=200", "train.steps=24")], {
    cwd: folder,
    encoding: "utf8",
    env: {
      ...process.env,
      NO_COLOR: "1",
      PATH: `${resolve(".")}${delimiter}${process.env["PATH"]}`,
    },
  })
afterAll(() => {
  run("fliqs ui --stop")
  rmSync(folder, { recursive: true, force: true })
})

/** What a command answers, by its first words: what the page says of it. */
const said: ReadonlyArray<readonly [beginning: RegExp, answer: RegExp]> = [
  [/^fliqs init/, /space\.yaml.*experiment\.yaml.*images/],
  [/^fliqs validate/, /OK .*space\.yaml[\s\S]*|OK .*experiment\.yaml/],
  [/^fliqs cost/, /classifier/],
  [/^fliqs plan/, /stem\.format +format +INT3, INT4, INT6, INT8/],
  [/^fliqs run(?!.*controls)/, /share of cost/],
  [/^fliqs run.*controls/, /: [+-]\d+\.\d points against uniform INT\d/],
  [/^fliqs list/, /finished/],
  [/^fliqs compare/, /final\/accuracy/],
  [/^fliqs export/, /best\.onnx/],
  [/^fliqs evaluate/, /accuracy/],
  [/^fliqs ui$/, /http:\/\/127\.0\.0\.1/],
]

describe("the tutorial", () => {
  it("has its commands", () => expect(commands.length).toBeGreaterThanOrEqual(12))

  it.each(commands)(
    "%s",
    (command) => {
      const { status, stderr, stdout } = run(command)
      expect([status, stderr]).toEqual([0, expect.anything()])
      expect(
        said.filter(([begins, answer]) => begins.test(command) && !answer.test(stdout)),
      ).toEqual([])
      // what is finished is not trained again
      const isSecond = command.includes("controls=[uniform]") && !command.includes("matrix")
      expect(isSecond && stderr.includes("own-images: started")).toBe(false)
    },
    10 * 60_000,
  )

  it("leaves the picture it speaks of", () =>
    expect(existsSync(join(folder, "front.svg"))).toBe(true))
})
