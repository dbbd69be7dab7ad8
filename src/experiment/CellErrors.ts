/**
 * In which cells of a grid an error occurs: the message says so if not all cells have it. Left out: its cause (`ErrorOrigin.ts`).
 */
import type { DeclarationError } from "../declaration/Errors.ts"
import { show } from "../declaration/Errors.ts"
import { canonicalJson } from "./Canonical.ts"
import type { Cell } from "./Matrix.ts"

/** The errors of one cell. */
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

/** The errors of all cells that were read, each once; the message of an error says in which cells it occurs if not in all. */
export const errorsByCell = (read: ReadonlyArray<CellErrors>): ReadonlyArray<DeclarationError> => {
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
    // The message about a value from the matrix names that value already.
    const [key] = commonEntry(cells, others) ?? []
    if (key !== undefined && error.path.startsWith(key)) return error
    return error.saying(`${error.message} (${cellsText(cells, others)})`)
  })
}
