/** `fliqs watch` beside a run in another process: it sees what that does, changes nothing, and ends with it. */
import { afterAll, expect, it } from "vitest"
import { experiment, fliqs, makeFolder, space, start } from "./fliqs.ts"

const { folder: cwd, remove } = makeFolder({
  "space.yaml": space,
  "experiment.yaml": experiment.replace("controls: [uniform]\n", ""),
})
afterAll(remove)

it("shows the trials of a grid until it ends, and what came of them", async () => {
  const none = await fliqs(["watch", "experiment.yaml"], { cwd })
  expect(none).toMatchObject({ code: 1 })
  expect(none.stderr).toContain("has not run in")

  const words = ["run", "experiment.yaml", "--no-track", "--jobs", "1"]
  const running = start(words, { cwd })
  await new Promise<void>((resolve) => {
    running.child.stderr?.on("data", (text: Buffer) => {
      if (text.toString().includes("started (")) resolve()
    })
  })
  const [ran, watched] = await Promise.all([
    running.ended,
    fliqs(["watch", "experiment.yaml"], { cwd }),
  ])
  expect([ran.code, watched.code]).toEqual([0, 0])
  expect(watched.stderr.match(/finished after/g)?.length).toBe(2)
  expect(watched.stderr).not.toContain("\u001b")
  expect(watched.stdout.toString().trim()).toBe(ran.stdout.toString().trim())
})
