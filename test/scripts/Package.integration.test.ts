/**
 * The packed package in a new folder: installed, and used by the commands of the README alone; then as a library, by the
 * example and by every snippet of docs/library.md, checked by TypeScript and run.
 */
import { execFileSync, spawnSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, describe, expect, it } from "vitest"

const repository = resolve(import.meta.dirname, "../..")
const folder = mkdtempSync(join(tmpdir(), "fliqs-package-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const minutes = 60_000
const run = (command: string, words: ReadonlyArray<string>, cwd: string) =>
  execFileSync(command, words, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })

const installed = join(folder, "node_modules/fliqs")
let isInstalled = false

/** Once, also when a test is tried again. */
const install = () => {
  if (isInstalled) return
  run("npm", ["pack", "--silent", "--pack-destination", folder], repository)
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))!
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }')
  run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", `./${tarball}`], folder)
  isInstalled = true
}

const node = (file: string) => run(process.execPath, ["--no-deprecation", file], folder)

/** The TypeScript snippets of a page. */
const snippetsOf = (page: string): ReadonlyArray<string> =>
  [...readFileSync(page, "utf8").matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, text]) => text!)

const compilerOptions = {
  target: "es2023",
  module: "nodenext",
  strict: true,
  noEmit: true,
  types: ["node"],
  typeRoots: [join(repository, "node_modules/@types")],
}

describe("the package", () => {
  it(
    "is built when it is packed, and runs from npm install to a finished trial",
    () => {
      install()

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
  it(
    "is a library: the example and the snippets of its page are typed and run, data files are found",
    () => {
      install()
      copyFileSync(join(installed, "examples/library.ts"), join(folder, "library.ts"))
      const snippets = snippetsOf(join(installed, "docs/library.md"))
      expect(snippets.length).toBeGreaterThan(4)
      const files = snippets.map((text, i) => {
        writeFileSync(join(folder, `snippet-${i}.ts`), text)
        return `snippet-${i}.ts`
      })
      writeFileSync(
        join(folder, "tsconfig.json"),
        JSON.stringify({ compilerOptions, include: ["*.ts"] }),
      )
      const checked = spawnSync(join(repository, "node_modules/.bin/tsc"), ["-p", folder], {
        encoding: "utf8",
      })
      expect([checked.stdout, checked.status]).toEqual(["", 0])

      const printed = node("library.ts")
      expect(printed).toContain("resnet8: 10 decisions, 60466176 networks")
      expect(printed).toContain("step 10: loss ")
      for (const file of files)
        expect([file, node(file)]).toEqual([file, expect.stringMatching(/\S/)])

      for (const name of [
        "schemas/space.schema.json",
        "spaces/resnet8.yaml",
        "experiments/quickstart.yaml",
        "templates/own-images/space.yaml",
      ]) {
        const found = `process.stdout.write(import.meta.resolve("fliqs/${name}"))`
        const where = run(process.execPath, ["--input-type=module", "-e", found], folder)
        expect([name, existsSync(new URL(where))]).toEqual([name, true])
      }
      run("npx", ["fliqs", "validate", "node_modules/fliqs/spaces/resnet8.yaml"], folder)
    },
    15 * minutes,
  )
})
