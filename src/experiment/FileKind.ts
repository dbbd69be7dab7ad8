/**
 * What a file is, by what it says: for the message when it is given where another kind of file is wanted.
 *
 * Left out: whether it is right (`Decode.ts`); files of no kind that is known here pass, and their reader says what is wrong.
 */
import * as nodePath from "node:path"
import { Effect, type FileSystem } from "effect"
import { valueAt } from "../declaration/Decode.ts"
import { type Document, read } from "../declaration/Document.ts"
import { DeclarationError, DeclarationErrors } from "../declaration/Errors.ts"

export type FileKind =
  | "experiment"
  | "space"
  | "latency table"
  | "assignment"
  | "result"
  | "trial"
  | "grid"
  | "JSON Schema"

const nouns: Readonly<Record<FileKind, string>> = {
  experiment: "an experiment",
  space: "a space",
  "latency table": "a latency table",
  assignment: "an assignment",
  result: "the result of a trial",
  trial: "a trial, resolved",
  grid: "a grid of the state folder",
  "JSON Schema": "a JSON Schema, for editors",
}

const ofSpace = ["input", "classes", "formats", "choices", "widthMultiplier", "widthRounding"]
const ofExperiment = ["data", "train", "search", "reward", "finish", "matrix", "controls", "track"]

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isOption = (value: unknown): boolean =>
  typeof value === "string" ||
  typeof value === "number" ||
  typeof value === "boolean" ||
  (Array.isArray(value) && value.every((item) => typeof item === "number")) ||
  (isMapping(value) && Object.keys(value).sort().join() === "activations,weights")

/** Undefined where it is none of these, as far as can be seen. */
export const kindOfFile = (value: unknown): FileKind | undefined => {
  if (!isMapping(value)) return undefined
  const has = (...keys: ReadonlyArray<string>) => keys.every((key) => Object.hasOwn(value, key))
  const count = (keys: ReadonlyArray<string>) => keys.filter((key) => has(key)).length
  if (has("$schema", "properties") || has("$schema", "definitions")) return "JSON Schema"
  if (has("declaration", "execution")) return "trial"
  if (has("metrics", "assignment")) return "result"
  if (has("gridId", "trials")) return "grid"
  if (has("machine", "layers")) return "latency table"
  if (has("network")) return "space"
  if (has("space"))
    return isMapping(value["space"]) && has("data", "search") ? "trial" : "experiment"
  const [space, experiment] = [count(ofSpace), count(ofExperiment)]
  if (experiment > space && experiment > 1) return "experiment"
  if (space > experiment && space > 1) return "space"
  const entries = Object.entries(value)
  return entries.length > 0 && entries.every(([key, item]) => key.includes(".") && isOption(item))
    ? "assignment"
    : undefined
}

/** What one does with a file of a kind. */
const uses = (kind: FileKind, document: Document): string => {
  const { file, value } = document
  const space = valueAt(value, ["space"])
  switch (kind) {
    case "experiment":
      return `run it by fliqs run ${file}${typeof space === "string" ? `; its space is ${nodePath.join(nodePath.dirname(file), space)}` : ""}`
    case "space":
      return `name it in an experiment, space: ${file} beside data and reward (fliqs init writes one), or see its cost by fliqs cost ${file}`
    case "latency table":
      return `name it in an experiment, reward: { cost: { kind: latency, table: ${file}, target: ... } }, or see times by fliqs cost SPACE --latency ${file}`
    case "assignment":
      return `an experiment trains it by search: { kind: fixed, assignment: ${file} }, and fliqs cost SPACE --assignment ${file} prints its cost`
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

/** That a file is of another kind than what `taker` takes; undefined when it is not known to be. */
const wrongKind = (
  document: Document,
  wanted: ReadonlyArray<FileKind>,
  taker: string,
  what = wanted.map((one) => nouns[one]).join(" or "),
): DeclarationError | undefined => {
  const kind = kindOfFile(document.value)
  if (kind === undefined || wanted.includes(kind)) return undefined
  return refusal(
    document.file,
    `this is ${nouns[kind]}, and ${taker} takes ${what}; ${uses(kind, document)}`,
  )
}

const refusal = (file: string, message: string): DeclarationError =>
  new DeclarationError({ file, line: 1, column: 1, path: "", message })

/** Files that are not YAML, by their endings. */
const endings: Readonly<Record<string, string>> = {
  ".jsonl":
    "these are records, one a line, such as results; fliqs list --json and fliqs compare EXPERIMENT --json print those of the state folder",
  ".safetensors":
    "these are weights; an experiment starts from them by train: { initial: { safetensors: FILE } }",
  ".bin":
    "this is a checkpoint of an earlier version; the run that wrote it goes on from it by itself",
  ".svg": "this is a picture; it is drawn by --out and not read",
  ".md": "this is a text; the files of the folders spaces and experiments are examples",
}

/** Reads a file of a kind; what it is instead is told when it is another. */
export const readKind = Effect.fnUntraced(function* (
  file: string,
  wanted: ReadonlyArray<FileKind>,
  taker: string,
  what = wanted.map((one) => nouns[one]).join(" or "),
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
