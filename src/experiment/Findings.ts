/**
 * What is wrong with an experiment, gathered over its cells: each mistake once, by file and place.
 */
import type { Document } from "../declaration/Document.ts"
import {
  DeclarationError,
  DeclarationErrors,
  formatPath,
  inOrder,
  type Problem,
} from "../declaration/Errors.ts"

/** Mistakes from many cells, each told once. */
export class Findings {
  readonly #errors = new Map<string, DeclarationError>()
  readonly #warnings = new Map<string, DeclarationError>()

  add(errors: ReadonlyArray<DeclarationError>): void {
    for (const error of errors) this.#errors.set(error.text, error)
  }

  warn(warnings: ReadonlyArray<DeclarationError>): void {
    for (const warning of warnings) this.#warnings.set(warning.text, warning)
  }

  get some(): boolean {
    return this.#errors.size > 0
  }

  get full(): boolean {
    return this.#errors.size >= 200
  }

  get warnings(): ReadonlyArray<DeclarationError> {
    return [...this.#warnings.values()]
  }

  fail(): DeclarationErrors {
    return new DeclarationErrors({ errors: byFile([...this.#errors.values()]) })
  }

  failWith(document: Document, problem: Problem): DeclarationErrors {
    this.add([locateTrial(problem, document, document)])
    return this.fail()
  }
}

/** Files in the order they were met, each from top to bottom. */
const byFile = (errors: ReadonlyArray<DeclarationError>): ReadonlyArray<DeclarationError> => {
  const files = [...new Set(errors.map((error) => error.file))]
  return files.flatMap((file) => inOrder(errors.filter((error) => error.file === file)))
}

/** The place of a problem of a trial: in the space file under `space`, else in the experiment file. */
export const locateTrial = (
  problem: Problem,
  experiment: Document,
  space: Document,
): DeclarationError => {
  const inSpace = problem.path[0] === "space" && problem.path.length > 1
  const path = inSpace ? problem.path.slice(1) : problem.path
  return new DeclarationError({
    ...(inSpace ? space : experiment).locate(path, problem.at),
    path: formatPath(path),
    message: problem.message,
  })
}
