/**
 * A table that fits the terminal, without a broken line.
 *
 * What is too wide loses its columns in a stated order, the highest `leaves` first; then long texts are shortened in their
 * middle; what still does not fit is printed as several tables, each beginning with the columns that name a row. Left out:
 * the table itself (`Output.table`).
 */
import { pathText } from "../../declaration/Errors.ts"
import { table, width } from "../Output.ts"

export interface Column {
  readonly title: string
  readonly cells: ReadonlyArray<string>
  /** When it leaves a table that is too wide: the highest first; never where it is undefined. */
  readonly leaves?: number
  /** Whether it names the row: it begins every part of a table that is printed in parts. */
  readonly isName?: boolean
}

const gap = 2
const shortest = 16

const widthOf = ({ cells, title }: Column): number =>
  cells.reduce((most, cell) => Math.max(most, width(pathText(cell))), width(title))

const sum = (widths: ReadonlyArray<number>): number => widths.reduce((a, b) => a + b + gap, -gap)

/** The text with its middle left out, at most `most` columns wide. */
export const shortened = (text: string, most: number): string => {
  if (width(text) <= most) return text
  const letters = [...text]
  let [head, tail] = [Math.ceil((most - 1) / 2), Math.floor((most - 1) / 2)]
  for (;;) {
    const cut = `${letters.slice(0, head).join("")}…${tail === 0 ? "" : letters.slice(-tail).join("")}`
    if (width(cut) <= most || head + tail === 0) return cut
    if (head >= tail) head--
    else tail--
  }
}

const cutTo = (column: Column, most: number): Column => ({
  ...column,
  title: shortened(column.title, most),
  cells: column.cells.map((cell) => shortened(cell, most)),
})

const print = (columns: ReadonlyArray<Column>, rows: number): string =>
  table(
    columns.map(({ title }) => title),
    Array.from({ length: rows }, (_, row) => columns.map(({ cells }) => cells[row] ?? "")),
  )

/** Without the columns that leave until the rest fits. */
const dropped = (columns: ReadonlyArray<Column>, most: number) => {
  const widths = new Map(columns.map((column) => [column, widthOf(column)]))
  const left: Array<string> = []
  let kept = columns
  const total = () => sum(kept.map((column) => widths.get(column)!))
  const leaving = columns
    .filter(({ leaves }) => leaves !== undefined)
    .sort((a, b) => b.leaves! - a.leaves!)
  for (const column of leaving) {
    if (total() <= most) break
    kept = kept.filter((other) => other !== column)
    left.push(column.title)
  }
  return { kept, left }
}

/** Names shortened until the table fits, no further than to a readable rest. */
const cutNames = (columns: ReadonlyArray<Column>, most: number): ReadonlyArray<Column> => {
  const widths = columns.map(widthOf)
  const over = sum(widths) - most
  const longest = Math.max(0, ...columns.map((one, i) => (one.isName === true ? widths[i]! : 0)))
  if (over <= 0 || longest <= shortest) return columns
  const first = columns.findIndex((one, i) => one.isName === true && widths[i] === longest)
  return columns.map((column, i) =>
    i === first ? cutTo(column, Math.max(shortest, longest - over)) : column,
  )
}

/** Parts that each fit, each with the columns that name a row. */
const parts = (columns: ReadonlyArray<Column>, most: number) => {
  const names = columns.filter(({ isName }) => isName === true)
  const room = Math.floor(most / 2 / Math.max(1, names.length)) - gap
  const cut = names.map((column) => cutTo(column, Math.max(3, room)))
  const taken = names.length === 0 ? 0 : sum(cut.map(widthOf)) + gap
  const found: Array<ReadonlyArray<Column>> = []
  let part: Array<Column> = []
  let used = taken
  for (const column of columns.filter(({ isName }) => isName !== true)) {
    const fit = cutTo(column, Math.max(3, most - taken))
    const wide = widthOf(fit)
    if (part.length > 0 && used + wide > most) {
      found.push([...cut, ...part])
      part = []
      used = taken
    }
    part.push(fit)
    used += wide + gap
  }
  return part.length > 0 || found.length === 0 ? [...found, [...cut, ...part]] : found
}

/** The table in at most `most` columns of the terminal, and the titles of the columns that it had no room for. */
export const fitted = (
  columns: ReadonlyArray<Column>,
  most: number,
): { readonly text: string; readonly left: ReadonlyArray<string> } => {
  const rows = Math.max(0, ...columns.map(({ cells }) => cells.length))
  const { kept, left } = dropped(columns, most)
  const cut = cutNames(cutNames(kept, most), most)
  const text =
    sum(cut.map(widthOf)) <= most
      ? print(cut, rows)
      : parts(kept, most)
          .map((part) => print(part, rows))
          .join("\n\n")
  return { text, left }
}
