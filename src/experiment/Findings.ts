/**
 * The errors and warnings of an experiment over all its cells: each once, by file and place.
 */
import type { Document } from "../declaration/Document.ts"
import {
  DeclarationError,
  DeclarationErrors,
  formatPath,
  inOrder,
  type Path,
  type Problem,
} from "../declaration/Errors.ts"

/** Errors and warnings of many cells, each kept once. */
export class Findings {
  readonly #errors = new Map<string, DeclarationError>()
  readonly #warnings = new Map<string, DeclarationError>()

  add(errors: ReadonlyArray<DeclarationError>): void {
    for (const error of errors) this.#errors.set(error.text, error)
  }

  /** Errors and warnings together. */
  take({
    errors,
    warnings,
  }: {
    readonly errors: ReadonlyArray<DeclarationError>
    readonly warnings: ReadonlyArray<DeclarationError>
  }): void {
    this.add(errors)
    this.warn(warnings)
  }

  warn(warnings: ReadonlyArray<DeclarationError>): void {
    for (const warning of warnings) this.#warnings.set(warning.text, warning)
  }

  /** Adds a problem of the experiment file as an error or a warning, by its severity. */
  report(problem: Problem, document: Document): void {
    const located = [locateTrial(problem, document, [])]
    if (problem.severity === "warning") this.warn(located)
    else this.add(located)
  }

  get hasErrors(): boolean {
    return this.#errors.size > 0
  }

  get warnings(): ReadonlyArray<DeclarationError> {
    return [...this.#warnings.values()]
  }

  fail(): DeclarationErrors {
    return new DeclarationErrors({ errors: byFile([...this.#errors.values()]) })
  }

  failWith(document: Document, problem: Problem): DeclarationErrors {
    this.add([locateTrial(problem, document, [])])
    return this.fail()
  }
}

/** Files in the order in which they were met, and the errors of each from top to bottom. */
const byFile = (errors: ReadonlyArray<DeclarationError>): ReadonlyArray<DeclarationError> => {
  const files = [...new Set(errors.map((error) => error.file))]
  return files.flatMap((file) => inOrder(errors.filter((error) => error.file === file)))
}

/** A part of a trial that is in a file of its own. */
export interface Part {
  /** Its path in the trial: `space`, `search.assignment`. */
  readonly path: Path
  readonly document: Document
}

/** The place of a problem of a trial: in the file of the part it concerns, else in the experiment file. */
export const locateTrial = (
  problem: Problem,
  experiment: Document,
  parts: ReadonlyArray<Part>,
): DeclarationError => {
  const part = parts.find(
    ({ path }) =>
      problem.path.length > path.length && path.every((key, i) => key === problem.path[i]),
  )
  const path = part === undefined ? problem.path : problem.path.slice(part.path.length)
  return new DeclarationError({
    ...(part?.document ?? experiment).locate(path, problem.at),
    path: formatPath(path),
    message: problem.message,
  })
}
