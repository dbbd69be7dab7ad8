/**
 * `fliqs init [DIR] --template NAME`: a space and an experiment that run as they are, in block style, each key with a
 * comment. Left out: the templates themselves (`templates/` beside `src/`).
 */
import { Effect, FileSystem, Option, Path } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import { shellWord } from "../../declaration/Shell.ts"
import { writeExampleImages } from "../../data/ExampleImages.ts"
import { root } from "../../disk/Installation.ts"
import { didYouMean } from "../../declaration/Suggest.ts"
import { note, print, printJson } from "../Output.ts"
import { schemaReference } from "../SchemaReference.ts"
import { Wrong } from "../ErrorMessages.ts"

const files = ["space.yaml", "experiment.yaml"] as const

const templateNames = Effect.fnUntraced(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  return (yield* fs.readDirectory(path.join(root, "templates"))).sort()
})

/** Refuses to overwrite existing files. */
const checkFree = Effect.fnUntraced(function* (folder: string, names: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const taken: Array<string> = []
  for (const name of names) if (yield* fs.exists(path.join(folder, name))) taken.push(name)
  if (taken.length > 0)
    return yield* new Wrong({
      message: `${pathText(folder)} already has ${taken.join(" and ")}; name another folder: fliqs init DIR`,
    })
})

export const run = Effect.fn("init")(function* (input: {
  readonly folder: Option.Option<string>
  readonly template: string
  readonly json: boolean
}) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { template } = input
  const known = yield* templateNames()
  if (!known.includes(template))
    return yield* new Wrong({
      message: `there is no template ${template}; ${didYouMean(template, known)}`,
    })
  const shown = Option.getOrElse(input.folder, () => ".")
  const folder = path.resolve(shown)
  const images = template === "own-images"
  yield* checkFree(folder, [...files, ...(images ? ["images"] : [])])
  yield* fs.makeDirectory(folder, { recursive: true })
  for (const file of files) {
    const text = yield* fs.readFileString(path.join(root, "templates", template, file))
    const schema = file.replace(/\.yaml$/, "")
    const there = schemaReference(folder, schema)
    const reached = text
      .replace(/^(# yaml-language-server: \$schema=).*$/m, (_, key: string) => key + there)
      .replace(/^(\$schema: ).*$/m, (_, key: string) => key + JSON.stringify(there))
    yield* fs.writeFileString(path.join(folder, file), reached)
  }
  if (images) yield* Effect.promise(() => writeExampleImages(path.join(folder, "images")))
  const written = images ? [...files, "images"] : [...files]
  if (input.json) return yield* printJson({ folder, template, files: written })
  const inside = (name: string) => path.join(shown, name)
  const word = (name: string) => shellWord(inside(name))
  yield* print(`wrote ${written.map((name) => pathText(inside(name))).join(", ")}`)
  yield* note(
    [
      "Next:",
      `  fliqs validate ${word("space.yaml")} ${word("experiment.yaml")}   check both files`,
      `  fliqs plan ${word("experiment.yaml")}   see what would run`,
      `  fliqs run ${word("experiment.yaml")}   run it`,
    ].join("\n"),
  )
})
