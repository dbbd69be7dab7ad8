/**
 * The space files that the cells of an experiment name: each read once, each variant of it checked once.
 */
import * as nodePath from "node:path"
import { Effect } from "effect"
import { type Check, inspect, type Inspection } from "../declaration/Decode.ts"
import { type Document, read } from "../declaration/Document.ts"
import { DeclarationErrors } from "../declaration/Errors.ts"
import { Space } from "../model/Network.ts"
import { canonicalJson } from "./Canonical.ts"
import { apply, type Override } from "./Overrides.ts"

/** The space files of an experiment, each read once and each variant checked once. */
export class Spaces {
  readonly #folder: string
  readonly #check: Check<Space> | undefined
  readonly #documents = new Map<string, Document | DeclarationErrors>()
  readonly #inspections = new Map<string, Inspection<Space> & { readonly document: Document }>()

  constructor(experimentFile: string, check: Check<Space> | undefined) {
    this.#folder = nodePath.dirname(experimentFile)
    this.#check = check
  }

  readonly inspect = Effect.fnUntraced(
    { self: this },
    function* (
      this: Spaces,
      experiment: Document,
      path: string,
      overrides: ReadonlyArray<Override>,
    ) {
      const key = canonicalJson([
        path,
        overrides.map((override) => [override.path, override.value]),
      ])
      const known = this.#inspections.get(key)
      if (known !== undefined) return known
      const file = nodePath.normalize(nodePath.join(this.#folder, path))
      let document = this.#documents.get(file)
      if (document === undefined) {
        document = yield* read(nodePath.isAbsolute(path) ? path : file).pipe(
          Effect.catch((errors) => Effect.succeed(errors)),
        )
        this.#documents.set(file, document)
      }
      if (document instanceof DeclarationErrors)
        return { document: experiment, errors: document.errors, warnings: [] }
      const changed = apply(document, overrides)
      const inspection = inspect(Space, changed.document, this.#check)
      const { value, ...rest } = inspection
      const errors = [...changed.errors, ...inspection.errors]
      const result = {
        ...rest,
        ...(value === undefined || errors.length > 0 ? {} : { value }),
        errors,
        document: changed.document,
      }
      this.#inspections.set(key, result)
      return result
    },
  )
}
