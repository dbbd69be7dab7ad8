/**
 * The shards of a data set: files of one ending below a folder, and the split that each is of, by the words in its path:
 * `train-00000-of-00002.parquet`, `val/000.tar`. Left out: what is in them.
 */
import { type Dirent, readdirSync, realpathSync, statSync } from "node:fs"
import * as nodePath from "node:path"
import { Result } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import { describe } from "../../disk/FileProblem.ts"
import { isWithin, type Links } from "../ImageBytes.ts"

export interface Shard {
  /** From the folder, with `/`. */
  readonly name: string
  /** Absolute. */
  readonly path: string
}

export interface ShardsBySplit {
  /** The folder, absolute. */
  readonly root: string
  readonly train: ReadonlyArray<Shard>
  /** Undefined: a share of train. */
  readonly test: ReadonlyArray<Shard> | undefined
  /** The validation split where another is the test split. */
  readonly heldOut: ReadonlyArray<Shard> | undefined
  /** What the splits are called in the names. */
  readonly names: {
    readonly train: string
    readonly test: string
    readonly heldOut: string
    /** The test split is a share of train. */
    readonly isParted: boolean
  }
  readonly warnings: ReadonlyArray<string>
}

/** The shards of all splits. */
export const allOf = ({ heldOut = [], test = [], train }: ShardsBySplit): ReadonlyArray<Shard> => [
  ...train,
  ...test,
  ...heldOut,
]

export const pathsOf = (shards: ShardsBySplit): ReadonlyArray<string> =>
  allOf(shards).map(({ path }) => path)

const deepest = 4
const words: ReadonlyArray<readonly [string, RegExp]> = [
  ["train", /(?:^|[^a-z])train(?:ing)?(?:[^a-z]|$)/iu],
  ["test", /(?:^|[^a-z])test(?:ing)?(?:[^a-z]|$)/iu],
  ["validation", /(?:^|[^a-z])(?:val|valid|validation|dev)(?:[^a-z]|$)/iu],
]

/** The split that the last part of a path with such a word names; undefined where none does. */
export const splitNamed = (name: string): string | undefined =>
  name
    .split("/")
    .toReversed()
    .map((part) => words.find(([, pattern]) => pattern.test(part))?.[0])
    .find((split) => split !== undefined)

/** The order in which people count: part 10 after part 9. */
const byNumber = new Intl.Collator("en", { numeric: true })

const filesBelow = (folder: string, ending: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  const look = (from: string, depth: number): void => {
    const entries: ReadonlyArray<Dirent> = readdirSync(nodePath.join(folder, from), {
      withFileTypes: true,
    })
    for (const entry of entries) {
      if (entry.name.startsWith(".")) continue
      const name = from === "" ? entry.name : `${from}/${entry.name}`
      if (entry.isDirectory()) {
        if (depth < deepest) look(name, depth + 1)
      } else if (entry.name.toLowerCase().endsWith(ending)) found.push(name)
    }
  }
  look("", 0)
  return found.toSorted(byNumber.compare)
}

/** The shards at a path, a folder or one file; or why there are none. */
export const findShards = (
  path: string,
  ending: ".tar" | ".parquet",
  links: Links,
): Result.Result<ShardsBySplit, string> =>
  Result.flatMap(
    Result.try({
      try: () => {
        const isFolder = statSync(path).isDirectory()
        const root = realpathSync(isFolder ? path : nodePath.dirname(path))
        const files = isFolder ? filesBelow(root, ending) : [nodePath.basename(path)]
        const out = files.find(
          (name) => links === "refuse" && !isWithin(root, realpathSync(nodePath.join(root, name))),
        )
        return { root, files, out }
      },
      catch: (error) => `${pathText(path)} cannot be read: ${describe(error).words}`,
    }),
    ({ files, out, root }) => {
      if (out !== undefined)
        return Result.fail(
          `${pathText(out)} is a link that leads out of ${pathText(path)}; links: follow allows that`,
        )
      if (files.length === 0)
        return Result.fail(
          `${pathText(path)} has no files that end in ${ending}, ${deepest} folders deep`,
        )
      return Result.succeed(bySplit(root, files))
    },
  )

const bySplit = (root: string, files: ReadonlyArray<string>): ShardsBySplit => {
  const shardsOf = (split: string | undefined): ReadonlyArray<Shard> =>
    files
      .filter((name) => splitNamed(name) === split)
      .map((name) => ({ name, path: nodePath.join(root, name) }))
  const [named, tests, validation, others] = ["train", "test", "validation", undefined].map(
    shardsOf,
  )
  const isNamed = named!.length > 0
  const hasTest = tests!.length > 0
  const hasValidation = validation!.length > 0
  const test = hasTest ? tests! : hasValidation ? validation! : undefined
  return {
    root,
    train: isNamed ? named! : others!,
    test,
    heldOut: hasTest && hasValidation ? validation! : undefined,
    names: {
      train: "train",
      test: hasTest || test === undefined ? "test" : "validation",
      heldOut: "validation",
      isParted: test === undefined,
    },
    warnings:
      isNamed && others!.length > 0
        ? [
            `${others!.length} files are of no split by their names, such as ${pathText(others![0]!.name)}, and passed over`,
          ]
        : [],
  }
}
