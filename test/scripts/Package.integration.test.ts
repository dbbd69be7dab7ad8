/** The packed package in a new folder: installed, and used by the commands of the README alone. */
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, describe, expect, it } from "vitest"

const repository = resolve(import.meta.dirname, "../..")
const folder = mkdtempSync(join(tmpdir(), "fliqs-package-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const minutes = 60_000
const run = (command: string, words: ReadonlyArray<string>, cwd: string) =>
  execFileSync(command, words, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })

describe("the package", () => {
  it(
    "is built when it is packed, and runs from npm install to a finished trial",
    () => {
      run("npm", ["pack", "--silent", "--pack-destination", folder], repository)
      const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))!
      writeFileSync(join(folder, "package.json"), "{}")
      run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", `./${tarball}`], folder)
      const installed = join(folder, "node_modules/fliqs")

      // Every page that the README links to is in the package.
      const readme = readFileSync(join(installed, "README.md"), "utf8")
      const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link]) => link!)
      expect(links.length).toBeGreaterThan(5)
      for (const link of links)
        expect([link, existsSync(join(installed, link))]).toEqual([link, true])

      run("npx", ["fliqs", "init", "mine", "--template", "own-images"], folder)
      run("npx", ["fliqs", "validate", "mine/space.yaml", "mine/experiment.yaml"], folder)
      const schema = /^\$schema: "(.*)"$/m.exec(
        readFileSync(join(folder, "mine/space.yaml"), "utf8"),
      )?.[1]
      expect(schema).toBe("../node_modules/fliqs/schemas/space.schema.json")
      const sets = ["--set", "train.steps=60", "--no-track"] // as in the README
      const trial = spawnSync("npx", ["fliqs", "run", "mine/experiment.yaml", ...sets], {
        cwd: folder,
        encoding: "utf8",
      })
      expect([trial.status, trial.stderr]).toEqual([0, expect.stringContaining("finished")])
      expect(trial.stdout).toContain("classifier")
      expect(run("npx", ["fliqs", "list"], folder)).toContain("finished")
    },
    15 * minutes,
  )
})
