/** A terminal for tests: a command in a pseudo-terminal of Python's, its screen by the emulator of VS Code. */
import { spawn, spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import xterm from "@xterm/headless"

const script = fileURLToPath(new URL("terminal.py", import.meta.url))

/** Whether there is a Python that can make pseudo-terminals. */
export const hasPython = spawnSync("python3", ["-c", "import pty, termios"]).status === 0

export interface Terminal {
  /** Every line since the start, scrolled-off ones too; lines that the terminal wrapped are one. */
  readonly lines: () => ReadonlyArray<string>
  /** Every row as it is to be seen, scrolled-off ones too. */
  readonly allRows: () => ReadonlyArray<string>
  /** All that was written, as it came. */
  readonly written: () => string
  readonly columns: () => number
  readonly resize: (columns: number, rows?: number) => void
  /** Types Ctrl and a letter. */
  readonly control: (letter: string) => void
  /** Until this holds after something was drawn; also ends with the command. */
  readonly until: (holds: () => boolean) => Promise<void>
  /** After each piece of output. */
  readonly onDrawn: (look: () => void) => void
  readonly ended: Promise<number>
}

/** Starts a command in a terminal of this size. */
export const open = (
  command: ReadonlyArray<string>,
  {
    columns,
    cwd,
    environment,
    rows = 24,
  }: {
    readonly columns: number
    readonly rows?: number
    readonly cwd?: string
    readonly environment?: Readonly<Record<string, string>>
  },
): Terminal => {
  const screen = new xterm.Terminal({
    cols: columns,
    rows,
    scrollback: 5000,
    allowProposedApi: true,
  })
  const { CI: _, ...inherited } = process.env
  const child = spawn("python3", [script, String(rows), String(columns), ...command], {
    cwd,
    env: { ...inherited, TERM: "xterm-256color", LANG: "C.UTF-8", ...environment },
    stdio: ["pipe", "pipe", "inherit"],
  })
  const looks: Array<() => void> = []
  const waiting = new Set<() => void>()
  let isOver = false
  const chunks: Array<Buffer> = []
  child.stdout.on("data", (chunk: Buffer) => {
    chunks.push(chunk)
    screen.write(chunk, () => {
      for (const look of looks) look()
      for (const wake of waiting) wake()
    })
  })
  const ended = new Promise<number>((resolve) =>
    child.on("close", (code) =>
      // an empty write comes after all that was written
      screen.write("", () => {
        isOver = true
        for (const wake of waiting) wake()
        resolve(code ?? -1)
      }),
    ),
  )
  const line = (row: number) => screen.buffer.active.getLine(row)
  return {
    columns: () => screen.cols,
    resize: (wide, high = screen.rows) => {
      screen.resize(wide, high)
      child.stdin.write(`${high} ${wide}\n`)
    },
    control: (letter) => void child.stdin.write(`key ${letter}\n`),
    until: (holds) =>
      new Promise((resolve) => {
        const wake = () => {
          if (!isOver && !holds()) return
          waiting.delete(wake)
          resolve()
        }
        waiting.add(wake)
        wake()
      }),
    onDrawn: (look) => void looks.push(look),
    ended,
    allRows: () =>
      Array.from({ length: screen.buffer.active.length }, (_, row) =>
        line(row)!.translateToString(true),
      ),
    written: () => Buffer.concat(chunks).toString(),
    lines: () => {
      const all: Array<string> = []
      for (let row = 0; row < screen.buffer.active.length; row++) {
        const here = line(row)!
        const text = here.translateToString(true)
        if (here.isWrapped) all.push(all.pop()! + text)
        else all.push(text)
      }
      return all.filter((text) => text !== "")
    },
  }
}
