/** Where things are: the folders in the order of the pages and of the rules, none too full, each module with its paragraph. */
import { readdirSync, readFileSync } from "node:fs"
import { basename } from "node:path"
import { Array as Arrays } from "effect"
import { describe, expect, it } from "vitest"
import { folders } from "../../.dependency-cruiser.ts"
import { kinds } from "../../src/search/Searches.ts"

const entries = readdirSync("src", { recursive: true, withFileTypes: true })
const files = entries.filter((entry) => entry.isFile())
const pathOf = ({ name, parentPath }: (typeof files)[number]) => `${parentPath}/${name}`

const page = (file: string) => readFileSync(file, "utf8").replaceAll(/\s+/g, " ")

describe("the folders of src/", () => {
  it("are those of the rules, in CONTRIBUTING.md and docs/architecture.md in their order", () => {
    const made = readdirSync("src", { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    )
    expect(made.toSorted()).toEqual(folders.toSorted())
    expect(page("CONTRIBUTING.md")).toContain(
      `imports only from folders before it: ${folders.join(", ")}. \`npm run direction\``,
    )
    const rows = [...readFileSync("docs/architecture.md", "utf8").matchAll(/^\| `(\w+)\/` \|/gm)]
    expect(rows.map(([, name]) => name)).toEqual(folders)
  })

  it("have at most 40 entries each", () => {
    const counts = Object.entries(Arrays.groupBy(entries, ({ parentPath }) => parentPath))
    expect(counts.filter(([, inside]) => inside.length > 40).map(([folder]) => folder)).toEqual([])
  })

  it("search/ has the contract, the list, a file for each algorithm, and their parts in folders", () => {
    const algorithms = kinds.map(({ kind }) => `${kind[0]!.toUpperCase()}${kind.slice(1)}.ts`)
    expect(readdirSync("src/search").toSorted()).toEqual(
      [...algorithms, "Search.ts", "Searches.ts", "policy", "population"].toSorted(),
    )
  })
})

/** Each folder has the errors that it raises; files of `command/` are named after the commands. */
const isShared = (file: (typeof files)[number]): boolean =>
  file.name === "Errors.ts" || file.parentPath.endsWith("cli/command")

describe("the files of src/", () => {
  it("have names of their own", () => {
    const own = files.filter((file) => !isShared(file))
    const named = Object.entries(Arrays.groupBy(own, ({ name }) => basename(name, ".ts")))
    const several = named.filter(([, all]) => all.length > 1)
    expect(several.map(([name]) => name)).toEqual([])
  })

  it("cast without a check in tensor/ alone, where each cast has its reason", () => {
    const cast = / as (?:never|unknown as)\b/
    const casts = files.flatMap((file) => {
      const lines = readFileSync(pathOf(file), "utf8").split("\n")
      return lines.flatMap((line, i) => {
        const above = lines.slice(Math.max(0, i - 4), i).join("\n")
        const isReasoned = file.parentPath === "src/tensor" && /\b[Tt]he casts?:/.test(above)
        return cast.test(line) && !/^\s*(?:\*|\/)/.test(line) && !isReasoned
          ? [`${pathOf(file)}:${i + 1}`]
          : []
      })
    })
    expect(casts).toEqual([])
  })

  it("open with a paragraph of what is in them", () => {
    const without = files.filter(
      (file) => !/^(#!.*\n)?\/\*\*\s*\S/.test(readFileSync(pathOf(file), "utf8")),
    )
    expect(without.map(pathOf)).toEqual([])
  })
})
