/**
 * The digest of a split of images: SHA-256 over name, size and SHA-256 of every file, in the order of the names.
 *
 * Every byte is read, once: what was found stays in `<cache>/data/imageFolder`, and a file whose size and times of change
 * are still the same is not read again. So the first time costs what reading the folder costs, and later a look at each
 * file's entry. Lines are appended as they come: who is killed on the way has lost nothing. A torn or foreign line is
 * passed over, and its file is read again.
 */
import { createHash } from "node:crypto"
import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  type Stats,
} from "node:fs"
import * as nodePath from "node:path"
import { setImmediate } from "node:timers/promises"
import { Option, Schema } from "effect"
import { BrokenImage, type Links, readImageFile } from "./ImageBytes.ts"
import type { Grey } from "./ImageFile.ts"
import type { ImageSplit } from "./ImageFiles.ts"

/** name, what its entry said, size and SHA-256 of its content. */
const Line = Schema.fromJsonString(Schema.Tuple([Schema.String, Schema.String, Schema.String]))
const decodeLine = Schema.decodeUnknownOption(Line)

const readLines = (path: string): Map<string, readonly [string, string]> => {
  const known = new Map<string, readonly [string, string]>()
  let text = ""
  try {
    text = readFileSync(path, "utf8")
  } catch {
    return known
  }
  for (const line of text.split("\n")) {
    const read = decodeLine(line)
    if (Option.isSome(read)) known.set(read.value[0], [read.value[1], read.value[2]])
  }
  return known
}

/** Size and times of change of a file, of a link with where it leads; undefined where they do not show a change. */
const entryOf = (root: string, file: string, links: Links): string | undefined => {
  const path = nodePath.join(root, file)
  const own = lstatSync(path, { throwIfNoEntry: false })
  const text = (stat: Stats) => `${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`
  if (own?.isFile() === true) return text(own)
  // What a link leads to may change without the link.
  if (own?.isSymbolicLink() !== true || links === "refuse") return undefined
  try {
    const real = realpathSync(path)
    return `${text(lstatSync(real))} ${real}`
  } catch {
    return undefined
  }
}

/** Digests of content by file, looked up or read; `cacheFile` grows by what was read. */
export const makeContents = (root: string, cacheFolder: string, links: Links = "refuse") => {
  const name = createHash("sha256").update(root).digest("hex").slice(0, 16)
  const cacheFile = nodePath.join(cacheFolder, `${name}.jsonl`)
  const known = readLines(cacheFile)
  let news: Array<string> = []
  const save = (): void => {
    if (news.length === 0) return
    mkdirSync(cacheFolder, { recursive: true })
    // A line that another process was killed in the middle of ends here.
    appendFileSync(cacheFile, `\n${news.join("\n")}\n`)
    news = []
  }
  return {
    save,
    /** Size and SHA-256 of the content; the reason where the file cannot be read. */
    of: (file: string): string => {
      const entry = entryOf(root, file, links)
      const before = known.get(file)
      if (entry !== undefined && before?.[0] === entry) return before[1]
      try {
        const bytes = readImageFile(root, file, links)
        const content = `${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`
        if (entry !== undefined) news.push(JSON.stringify([file, entry, content]))
        return content
      } catch (error) {
        if (error instanceof BrokenImage) return `unreadable: ${error.code}`
        throw error
      }
    },
  }
}

/**
 * The first 32 hex digits of the digest of a split. Pixels that follow from the same files in another way than they once
 * did have another digest: colour that becomes grey by its luma.
 */
export const digestImages = async (
  contents: ReturnType<typeof makeContents>,
  { files }: ImageSplit,
  grey: Grey = "linear",
): Promise<string> => {
  const hash = createHash("sha256")
  if (grey !== "linear") hash.update(`grey: ${grey}\n`)
  let saved = Date.now()
  for (const file of files) {
    hash.update(`${file}\0${contents.of(file)}\n`)
    if (Date.now() - saved < 1000) continue
    contents.save()
    await setImmediate()
    saved = Date.now()
  }
  contents.save()
  return hash.digest("hex").slice(0, 32)
}
