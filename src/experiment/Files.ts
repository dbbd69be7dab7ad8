/**
 * The other files an experiment names: spaces, each read once and each variant of it checked once, assignments, and latency
 * tables.
 */
import * as nodePath from "node:path"
import { Effect, type FileSystem } from "effect"
import { LatencyTable } from "../cost/LatencyTable.ts"
import { type Check, inspect, type Inspection } from "../declaration/Decode.ts"
import { type Document, read } from "../declaration/Document.ts"
import { DeclarationErrors } from "../declaration/Errors.ts"
import { Space } from "../model/Network.ts"
import { AssignmentMap } from "../search/Fixed.ts"
import { canonicalJson } from "./Canonical.ts"
import { apply, type Override, unsetErrors } from "./Overrides.ts"

/** What is known of a file, and the document its places are in: the file's own, or what names it when it cannot be read. */
export type Found<A> = Inspection<A> & { readonly document: Document }

const Assignment = AssignmentMap.annotate({ identifier: "Assignment" })

export class Files {
  readonly #folder: string
  readonly #check: Check<Space>
  readonly #documents = new Map<string, Document | DeclarationErrors>()
  readonly #spaces = new Map<string, Found<Space>>()
  readonly #latencyTables = new Map<string, Found<LatencyTable>>()

  constructor(experimentFile: string, check: Check<Space>) {
    this.#folder = nodePath.dirname(experimentFile)
    this.#check = check
  }

  /** The space at a path from the experiment's folder, with changes. */
  space(
    experiment: Document,
    path: string,
    overrides: ReadonlyArray<Override>,
  ): Effect.Effect<Found<Space>, never, FileSystem.FileSystem> {
    const key = canonicalJson([path, overrides.map((override) => [override.path, override.value])])
    const known = this.#spaces.get(key)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.map(this.#read(path), (document) => {
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

  /** The assignment at a path from the experiment's folder. */
  assignment(
    experiment: Document,
    path: string,
  ): Effect.Effect<Found<typeof Assignment.Type>, never, FileSystem.FileSystem> {
    return Effect.map(this.#read(path), (document) =>
      document instanceof DeclarationErrors
        ? unread(experiment, document)
        : { ...inspect(Assignment, document), document },
    )
  }

  /** The latency table at a path from the experiment's folder. */
  latencyTable(
    experiment: Document,
    path: string,
  ): Effect.Effect<Found<LatencyTable>, never, FileSystem.FileSystem> {
    const known = this.#latencyTables.get(path)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.map(this.#read(path), (document) => {
      if (document instanceof DeclarationErrors) return unread(experiment, document)
      const found = { ...inspect(LatencyTable, document), document }
      this.#latencyTables.set(path, found)
      return found
    })
  }

  #read(path: string) {
    const file = nodePath.isAbsolute(path) ? path : nodePath.join(this.#folder, path)
    const known = this.#documents.get(file)
    if (known !== undefined) return Effect.succeed(known)
    return read(file).pipe(
      Effect.catch((errors) => Effect.succeed(errors)),
      Effect.tap((document) => Effect.sync(() => this.#documents.set(file, document))),
    )
  }
}

const unread = (document: Document, { errors }: DeclarationErrors) => ({
  document,
  errors,
  warnings: [],
})
