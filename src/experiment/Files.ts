/**
 * The other files that an experiment names: spaces, and the files that the kinds of its blocks read. Each file is read once;
 * each variant of a space is checked once.
 */
import * as nodePath from "node:path"
import { Effect, type FileSystem } from "effect"
import { type Check, inspect, type Inspection, valueAt } from "../declaration/Decode.ts"
import type { Document } from "../declaration/Document.ts"
import { DeclarationErrors, formatPath } from "../declaration/Errors.ts"
import { Space } from "../network/SpaceFile.ts"
import type { Named } from "./BlockFiles.ts"
import { canonicalJson } from "./Canonical.ts"
import { type FileKind, kindOfFile, readKind } from "./FileKind.ts"
import { apply, type Override, unsetErrors } from "./Overrides.ts"

/** The result of reading a file, and the document of its places: the file's own, or the one that names it if it is unreadable. */
export type Found<A> = Inspection<A> & { readonly document: Document }

export class Files {
  readonly #folder: string
  readonly #check: Check<Space>
  readonly #documents = new Map<string, Document | DeclarationErrors>()
  readonly #spaces = new Map<string, Found<Space>>()
  readonly #named = new Map<string, Found<unknown>>()

  constructor(experimentFile: string, check: Check<Space>) {
    this.#folder = nodePath.dirname(experimentFile)
    this.#check = check
  }

  /** The space at a path from the experiment's folder, under changes. */
  space(
    experiment: Document,
    path: string,
    overrides: ReadonlyArray<Override>,
  ): Effect.Effect<Found<Space>, never, FileSystem.FileSystem> {
    const key = canonicalJson([path, overrides.map((override) => [override.path, override.value])])
    const known = this.#spaces.get(key)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.map(this.#read(path, ["space"], "space"), (document) => {
      if (document instanceof DeclarationErrors) return unread(experiment, document)
      const changed = apply(document, overrides)
      const inspection = inspect(Space, changed.document, this.#check)
      const found: Found<Space> = {
        ...(changed.errors.length === 0 ? inspection : { warnings: inspection.warnings }),
        errors: [...changed.errors, ...unsetErrors(inspection.errors, overrides)],
        document: changed.document,
      }
      this.#spaces.set(key, found)
      return found
    })
  }

  /** A file that a block of the experiment names, read and decoded once. */
  named(
    experiment: Document,
    { file, name, path }: Named,
  ): Effect.Effect<Found<unknown>, never, FileSystem.FileSystem> {
    const key = formatPath(path)
    const id = `${key} ${name}`
    const known = this.#named.get(id)
    if (known !== undefined) return Effect.succeed(known)
    const { kind, schema, within = {} } = file
    return Effect.map(this.#read(name, [kind, ...Object.keys(within)], key), (read) => {
      if (read instanceof DeclarationErrors) return unread(experiment, read)
      const part = within[kindOfFile(read.value) ?? ""]
      const document = part === undefined ? read : partOf(read, part)
      const found = { ...inspect(schema, document), document }
      this.#named.set(id, found)
      return found
    })
  }

  #read(path: string, kinds: ReadonlyArray<FileKind>, key: string) {
    const file = nodePath.isAbsolute(path) ? path : nodePath.join(this.#folder, path)
    const name = `${key} ${file}`
    const known = this.#documents.get(name)
    if (known !== undefined) return Effect.succeed(known)
    return readKind(file, kinds, key).pipe(
      Effect.catch((errors) => Effect.succeed(errors)),
      Effect.tap((document) => Effect.sync(() => this.#documents.set(name, document))),
    )
  }
}

/** The value under a key, as a document of its own. */
const partOf = (document: Document, key: string): Document => ({
  ...document,
  value: valueAt(document.value, [key]),
  locate: (path, at) => document.locate([key, ...path], at),
})

const unread = (document: Document, { errors }: DeclarationErrors) => ({
  document,
  errors,
  warnings: [],
})
