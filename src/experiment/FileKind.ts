/**
 * The kind of a file by its contents, for the message when another kind of file is wanted.
 *
 * Left out: whether the file is valid (`Decode.ts`). Files of an unknown kind pass, and their reader reports what is wrong.
 */
import * as nodePath from "node:path"
import { Effect, type FileSystem } from "effect"
import * as Costs from "../cost/Costs.ts"
import { valueAt } from "../declaration/Decode.ts"
import { type Document, read } from "../declaration/Document.ts"
import { DeclarationError, DeclarationErrors } from "../declaration/Errors.ts"
import type { NamedFile } from "../declaration/NamedFile.ts"
import * as Searches from "../search/Searches.ts"

type OwnKind = "experiment" | "space" | "result" | "trial" | "grid" | "JSON Schema"

const ownNouns: Readonly<Record<OwnKind, string>> = {
  experiment: "an experiment",
  space: "a space",
  result: "the result of a trial",
  trial: "a trial, resolved",
  grid: "a grid of the state folder",
  "JSON Schema": "a JSON Schema, for editors",
}

/** The files that kinds of costs and searches read, by name. */
const named: ReadonlyMap<string, NamedFile> = new Map(
  [...Costs.kinds, ...Searches.kinds]
    .flatMap(({ files = {} }) => Object.values(files))
    .map((file) => [file.kind, file]),
)

/** One of `OwnKind`, or the `kind` of a `NamedFile`. */
export type FileKind = string

const isOwn = (kind: FileKind): kind is OwnKind => Object.hasOwn(ownNouns, kind)

const nounOf = (kind: FileKind): string =>
  isOwn(kind) ? ownNouns[kind] : (named.get(kind)?.noun ?? kind)

const ofSpace = ["input", "classes", "formats", "choices", "widthMultiplier", "widthRounding"]
const ofExperiment = ["data", "train", "search", "reward", "finish", "matrix", "controls", "track"]

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The kind of a file; undefined if no kind is recognised. */
export const kindOfFile = (value: unknown): FileKind | undefined => {
  if (!isMapping(value)) return undefined
  const has = (...keys: ReadonlyArray<string>) => keys.every((key) => Object.hasOwn(value, key))
  const count = (keys: ReadonlyArray<string>) => keys.filter((key) => has(key)).length
  if (has("$schema", "properties") || has("$schema", "definitions")) return "JSON Schema"
  if (has("declaration", "execution")) return "trial"
  if (has("metrics", "assignment")) return "result"
  if (has("gridId", "trials")) return "grid"
  for (const { kind, recognises } of named.values()) if (recognises(value)) return kind
  if (has("network")) return "space"
  if (has("space"))
    return isMapping(value["space"]) && has("data", "search") ? "trial" : "experiment"
  const [space, experiment] = [count(ofSpace), count(ofExperiment)]
  if (experiment > space && experiment > 1) return "experiment"
  if (space > experiment && space > 1) return "space"
  return undefined
}

/** What a file of a kind is used for. */
const uses = (kind: FileKind, document: Document): string => {
  const { file, value } = document
  const space = valueAt(value, ["space"])
  if (!isOwn(kind)) return named.get(kind)?.use(file) ?? ""
  switch (kind) {
    case "experiment":
      return `run it by fliqs run ${file}${typeof space === "string" ? `; its space is ${nodePath.join(nodePath.dirname(file), space)}` : ""}`
    case "space":
      return `name it in an experiment, space: ${file} beside data and reward (fliqs init writes one), or see its cost by fliqs cost ${file}`
    case "result":
      return "fliqs show ID prints it, and fliqs cost SPACE --assignment FILE the cost of what was found"
    case "trial":
      return "fliqs show ID prints it; an experiment names its space as a file"
    case "grid":
      return "fliqs list and fliqs compare EXPERIMENT show its trials"
    case "JSON Schema":
      return "a file of yours names it in its first line"
  }
}

/** The message that a file is of another kind than `taker` takes; undefined if its kind is unknown. */
const wrongKind = (
  document: Document,
  wanted: ReadonlyArray<FileKind>,
  taker: string,
  what = wanted.map(nounOf).join(" or "),
): DeclarationError | undefined => {
  const kind = kindOfFile(document.value)
  if (kind === undefined || wanted.includes(kind)) return undefined
  return refusal(
    document.file,
    `this is ${nounOf(kind)}, and ${taker} takes ${what}; ${uses(kind, document)}`,
  )
}

const refusal = (file: string, message: string): DeclarationError =>
  new DeclarationError({ file, line: 1, column: 1, path: "", message })

/** Files that are not YAML, by their extensions. */
const endings: Readonly<Record<string, string>> = {
  ".jsonl":
    "these are records, one per line, such as results; fliqs list --json and fliqs compare EXPERIMENT --json print those of the state folder",
  ".safetensors":
    "these are weights; an experiment starts from them by train: { initial: { safetensors: FILE } }",
  ".bin":
    "this is a checkpoint of an earlier version; the run that wrote it goes on from it by itself",
  ".svg": "this is a picture; it is drawn by --out and not read",
  ".md": "this is a text; the files of the folders spaces and experiments are examples",
}

/** Reads a file of a wanted kind; if it is of another kind, the error says which. */
export const readKind = Effect.fnUntraced(function* (
  file: string,
  wanted: ReadonlyArray<FileKind>,
  taker: string,
  what = wanted.map(nounOf).join(" or "),
): Effect.fn.Return<Document, DeclarationErrors, FileSystem.FileSystem> {
  const document = yield* read(file).pipe(
    Effect.mapError((errors) => {
      const words = endings[nodePath.extname(file)]
      const isMissing = errors.errors.some(({ message }) => message.startsWith("no such file"))
      return words === undefined || isMissing
        ? errors
        : new DeclarationErrors({
            errors: [refusal(file, `${taker} takes ${what}; ${words}`)],
          })
    }),
  )
  const wrong = wrongKind(document, wanted, taker, what)
  return wrong === undefined ? document : yield* new DeclarationErrors({ errors: [wrong] })
})
