/**
 * Lines at the bottom of the terminal on stderr that are redrawn in place, below all other output.
 *
 * The cursor rests on the first character of the first line, so that everything from the cursor on is old and can be
 * erased without counting, whatever the terminal did when its size changed. To the terminal the lines are one long line
 * that it wrapped itself: terminals that wrap lines again in the new width keep the cursor with the start of its line
 * (of lines below the cursor some lose count). Automatic wrapping is on for the one character that starts a row, and
 * off else: each line takes one row even where the new size is not known yet. Left out: what the lines say
 * (`ProgressDisplay.ts`), when a terminal takes such lines at all (`Output.isInteractive`).
 */
import { Effect } from "effect"
import { scrub } from "../track/Secrets.ts"

export interface Size {
  readonly columns: number
  readonly rows: number
}

/** The lines for a terminal of this size: at most `rows`, each at most `columns` wide. */
export type Lines = (size: Size) => ReadonlyArray<string>

const eraseToEnd = "\u001b[J"
const eraseRight = "\u001b[K"
const wrapOff = "\u001b[?7l"
const wrapOn = "\u001b[?7h"
const lastColumn = "\u001b[999G"
const hideCursor = "\u001b[?25l"
const showCursor = "\u001b[?25h"

let shown: Lines | undefined

/** A terminal whose size is unknown reports 0. */
const usable = (): Size => {
  const { columns, rows } = process.stderr
  // The last column stays free, because terminals differ in when they wrap; so does the row above.
  return { columns: Math.max(1, (columns || 80) - 1), rows: Math.max(1, (rows || 24) - 1) }
}

/** A space in the last column, and the first character of the next row wraps. */
const nextRow = `${lastColumn}${wrapOn} `

const drawing = (lines: Lines): string => {
  const size = usable()
  const text = lines(size)
    .slice(0, size.rows)
    .map(scrub)
    .filter((line) => line !== "")
  const rows = text.map((line) => {
    const [first = "", ...rest] = line
    return `${wrapOn}${first}${wrapOff}${rest.join("")}${eraseRight}`
  })
  const up = text.length > 1 ? `\u001b[${text.length - 1}A` : ""
  return `\r${rows.join(nextRow)}${eraseToEnd}${up}\r${wrapOn}`
}

/** Draws the lines anew, if any are shown. */
export const redraw = (): void => {
  if (shown !== undefined) process.stderr.write(drawing(shown))
}

/** Text that stays, above the lines; it ends with a newline. */
export const writeAbove = (text: string): void => {
  process.stderr.write(shown === undefined ? text : `\r${eraseToEnd}${text}${drawing(shown)}`)
}

/** Erases the lines for good: also before the process ends by `process.exit`. */
export const end = (): void => {
  if (shown !== undefined) process.stderr.write(`\r${eraseToEnd}${showCursor}`)
  shown = undefined
}

/** Erases the lines before Ctrl-Z suspends the process, so that the shell finds a clean terminal. */
const onSuspend = (): void => {
  if (shown !== undefined) process.stderr.write(`\r${eraseToEnd}${showCursor}`)
  process.kill(process.pid, "SIGSTOP")
}

const onContinue = (): void => {
  if (shown !== undefined) process.stderr.write(hideCursor)
  redraw()
}

/** Shows lines until the scope closes. */
export const show = (lines: Lines) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      shown = lines
      process.stderr.write(hideCursor)
      process.stderr.on("resize", redraw)
      process.on("SIGTSTP", onSuspend).on("SIGCONT", onContinue)
      // The cursor is shown again also after a failure.
      process.on("exit", end)
    }),
    () =>
      Effect.sync(() => {
        process.stderr.off("resize", redraw)
        process.off("SIGTSTP", onSuspend).off("SIGCONT", onContinue).off("exit", end)
        end()
      }),
  )
