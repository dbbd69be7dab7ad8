/**
 * The terminal: answers go to stdout, everything else to stderr; colours only if they are wanted; secrets never. Only
 * this file and `Display.ts` write to either. Left out: the text itself.
 */
import { Effect } from "effect"
import { stripVTControlCharacters } from "node:util"
import stringWidth from "fast-string-width"
import { pathText } from "../declaration/Errors.ts"
import { storageError } from "../disk/Errors.ts"
import { scrub, scrubValues } from "../track/Secrets.ts"
import * as Display from "./Display.ts"
import { splitAtLinks } from "./Hyperlinks.ts"

/** Words on stderr at once, where no effect can run: the logger, a signal, the end of the process. */
export const say = (text: string): void => Display.writeAbove(`${harmless(scrub(text))}\n`)

/** Waits until the reader has taken everything: the process ends after its answers, and a pipe holds only 64 kB. */
const answer = (chunk: string | Uint8Array): Effect.Effect<void> =>
  Effect.callback((resume) => {
    process.stdout.write(chunk, (error) => {
      // A reader that closes early ends the process in `main.ts`; any other incomplete answer is a defect.
      const isFine =
        error === null || error === undefined || (error as NodeJS.ErrnoException).code === "EPIPE"
      resume(isFine ? Effect.void : Effect.die(storageError("write", "standard output")(error)))
    })
  })

/**
 * The text without what a terminal takes for a command, but for colours and links of ours: names and messages may come from
 * anybody's files.
 */
const harmless = (text: string): string =>
  splitAtLinks(text)
    .map((part, i) =>
      i % 2 === 1
        ? part
        : part.replace(/\u001b\[\d{1,2}m|[^\P{Cc}\n\t]/gu, (found) =>
            found.length > 1 ? found : "\ufffd",
          ),
    )
    .join("")

/** One answer, with a newline. */
export const print = (text: string): Effect.Effect<void> => answer(`${harmless(scrub(text))}\n`)

/** An answer for programs. */
export const printJson = (value: unknown): Effect.Effect<void> =>
  answer(
    // JSON leaves the control characters above ASCII as they are.
    `${JSON.stringify(value, scrubValues(), 2).replace(/[\u007f-\u009f]/g, (found) => `\\u00${found.charCodeAt(0).toString(16)}`)}\n`,
  )

/** Raw bytes as the answer; a slow reader is not flooded. */
export const printBytes = (bytes: Uint8Array): Effect.Effect<void> => answer(bytes)

/** Anything that is not the answer. */
export const note = (text: string): Effect.Effect<void> => Effect.sync(() => say(text))

const wantsColor = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY === true && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb"

const paint =
  (code: number, stream: NodeJS.WriteStream) =>
  (text: string): string =>
    wantsColor(stream) ? `\u001b[${code}m${text}\u001b[0m` : text

export const bold = paint(1, process.stdout)
export const dim = paint(2, process.stdout)
export const green = paint(32, process.stdout)
export const red = paint(31, process.stdout)
export const yellow = paint(33, process.stderr)

/** Whether a person looks at the progress on stderr and lines can be drawn again. */
export const isInteractive = (): boolean =>
  process.stderr.isTTY === true && process.env["TERM"] !== "dumb" && process.env["CI"] === undefined

/** How wide a table may be: as wide as the terminal that shows it, or as COLUMNS says; any width for a file or a pipe. */
export const terminalColumns = (): number => {
  const given = Number(process.env["COLUMNS"] ?? "")
  if (process.stdout.isTTY) return process.stdout.columns || given || 80
  return Number.isInteger(given) && given > 0 ? given : Infinity
}

/** Columns of a terminal that a text takes, without its colours: two for a wide character, none for an accent. */
export const width = (text: string): number => stringWidth(text)

/** A text that a file gave, on one line and without control characters: none of it reaches the terminal as a command. */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "\ufffd")

/** A cell on one line; its colours stay. */
const cellText = (text: string): string =>
  text
    .split(/(\u001b\[\d+m)/)
    .map((part, i) => (i % 2 === 1 ? part : pathText(part)))
    .join("")

/** Rows as aligned columns, two spaces between; a column of numbers is set to the right. */
export const table = (
  head: ReadonlyArray<string>,
  texts: ReadonlyArray<ReadonlyArray<string>>,
): string => {
  const rows = texts.map((row) => row.map(cellText))
  const widths = head.map((title, i) =>
    Math.max(width(title), ...rows.map((row) => width(row[i] ?? ""))),
  )
  const isNumber = head.map((_, i) =>
    rows.every((row) =>
      /^[-+]?[\d.,e+-]*( ?[%×x]| [A-Za-z]+)?$/.test(stripVTControlCharacters(row[i] ?? "")),
    ),
  )
  const line = (cells: ReadonlyArray<string>) =>
    cells
      .map((cell, i) => {
        const space = " ".repeat(widths[i]! - width(cell))
        return isNumber[i] ? space + cell : cell + space
      })
      .join("  ")
      .trimEnd()
  return [bold(line(head)), ...rows.map(line)].join("\n")
}

/** A number in few digits: 0.1234, 12.3, 1.23e-7. */
export const short = (value: number, digits = 4): string =>
  Number.isFinite(value) ? String(Number(value.toPrecision(digits))) : String(value)

export const percent = (value: number): string => `${(100 * value).toFixed(1)} %`

/** `1 h 02 min`, `3 min 20 s`, `12 s`. */
export const duration = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds))
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (n: number) => String(n).padStart(2, "0")
  if (h > 0) return `${h} h ${two(m)} min`
  return m > 0 ? `${m} min ${two(s)} s` : `${s} s`
}
