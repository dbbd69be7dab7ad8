/**
 * In which cells of a grid a mistake is: said where it is not in all of them. Left out: which entry made it (`Blame.ts`).
 */
import type { DeclarationError } from "../declaration/Errors.ts"
import { show } from "../declaration/Errors.ts"
import { canonicalJson } from "./Canonical.ts"
import type { Cell } from "./Matrix.ts"

/** What was found in one cell. */
export interface CellErrors {
  readonly cell: Cell
  readonly errors: ReadonlyArray<DeclarationError>
}

const entryText = ([key, value]: readonly [string, unknown]): string => `${key} = ${show(value)}`

/** The one entry that all these cells have and no other cell has. */
const commonEntry = (
  cells: ReadonlyArray<Cell>,
  others: ReadonlyArray<Cell>,
): readonly [string, unknown] | undefined => {
  const has = (cell: Cell, key: string, value: unknown) =>
    Object.hasOwn(cell, key) && canonicalJson(cell[key]) === canonicalJson(value)
  return Object.entries(cells[0]!).find(
    ([key, value]) =>
      cells.every((cell) => has(cell, key, value)) && !others.some((cell) => has(cell, key, value)),
  )
}

const cellsText = (cells: ReadonlyArray<Cell>, others: ReadonlyArray<Cell>): string => {
  const common = commonEntry(cells, others)
  if (common !== undefined) return `where ${entryText(common)}`
  const first = `in the cell ${Object.entries(cells[0]!).map(entryText).join(", ")}`
  return cells.length === 1 ? first : `${first} and ${cells.length - 1} more`
}

/** The errors of all cells that were read, each once; one that only some of them have says which. */
export const inCells = (read: ReadonlyArray<CellErrors>): ReadonlyArray<DeclarationError> => {
  const byText = new Map<string, { error: DeclarationError; cells: Array<Cell> }>()
  for (const { cell, errors } of read)
    for (const error of errors) {
      const known = byText.get(error.text)
      if (known === undefined) byText.set(error.text, { error, cells: [cell] })
      else if (known.cells.at(-1) !== cell) known.cells.push(cell)
    }
  return [...byText.values()].map(({ cells, error }) => {
    if (cells.length === read.length) return error
    const others = read.map(({ cell }) => cell).filter((cell) => !cells.includes(cell))
    // An error of the very value that the matrix gives says it already.
    const [key] = commonEntry(cells, others) ?? []
    if (key !== undefined && error.path.startsWith(key)) return error
    return error.saying(`${error.message} (${cellsText(cells, others)})`)
  })
}
