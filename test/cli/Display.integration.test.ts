/**
 * A running grid in a terminal of 60, 80 and 160 columns, resized in the midst: no broken line, no dead one. The
 * terminal is the emulator of VS Code, and tmux where it is installed: both wrap lines again when their width changes.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, describe, expect, it } from "vitest"
import { experiment, makeFolder, space } from "./fliqs.ts"
import { hasPython, open, type Terminal } from "./terminal.ts"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
const playing = fileURLToPath(new URL("playing.ts", import.meta.url))
const node = [process.execPath, "--no-deprecation"]
const jobs = 2

const cleanups: Array<() => void> = []
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean()
})

/** Fields of the display, each as a whole. */
const field = new RegExp(
  `^(?:${[
    "[█░]{10,20}",
    "trial \\d+/\\d+",
    "step \\d+/\\d+",
    "getting ready",
    "finishing",
    "\\d+ (?:s|min|h \\d\\d min) left",
    "(?:loss|quality|reward|entropy) -?\\d[-\\d.e]*",
    "cost \\d[-\\d.e]* GBOPs",
    "cost/target \\d+\\.\\d{3}",
    "\\d[\\d.]* steps/s",
    "\\d+ of \\d+ trials done",
    "grid: \\d+ (?:s|min|h \\d\\d min) left",
    // names of trials
    "(?:uniform INT4 )?(?:seed=\\d|…)",
    "peak=0\\.1 (?:seed=1|…)",
    "探索=小さい (?:seed=2|…)",
    "evolution,population=8 (?:target.times=0.5 (?:seed=3|…)|…)",
  ].join("|")})$`,
)

const isDrawn = (text: string): boolean =>
  /(?:^|  )(?:step \d|loss |\d+ of \d+ trials)|[█░]/.test(text)
const isBroken = (row: string): boolean =>
  row
    .trim()
    .split(/ {2,}/)
    .some((text) => !field.test(text))

/** What is wrong with a screen, all its rows (scrolled-off ones too): drawn rows stand once, at the end, whole. */
const problems = (rows: ReadonlyArray<string>): ReadonlyArray<string> => {
  const all = rows.map((row) => row.trimEnd()).filter((row) => row !== "")
  const drawn = all.filter(isDrawn)
  const first = all.findIndex(isDrawn)
  const [steps, wholes] = [/step \d/, /trials done/].map(
    (words) => drawn.filter((row) => words.test(row)).length,
  )
  return [
    ...drawn.filter(isBroken).map((row) => `broken: ${row}`),
    ...(first >= 0 && all.length - first !== drawn.length ? ["said under what is drawn"] : []),
    ...(wholes! > 1 || steps! > jobs ? [`dead lines:\n${drawn.join("\n")}`] : []),
  ]
}

/** Until the grid is drawn right, with these words, at the size that the terminal has now; a dead line would stay. */
const settled = async (
  terminal: Terminal,
  words: ReadonlyArray<RegExp> = [/step [1-9]/],
): Promise<void> => {
  const width = terminal.columns()
  const isRight = () =>
    words.every((word) => word.test(terminal.allRows().filter(isDrawn).join("\n"))) &&
    problems(terminal.allRows()).length === 0 &&
    terminal.allRows().every((row) => !isDrawn(row) || row.trimEnd().length < width)
  await terminal.until(isRight)
  expect(problems(terminal.allRows())).toEqual([])
  expect(terminal.allRows().filter((row) => row.includes("trials done"))).toHaveLength(1)
}

/** Looks at every frame until the size changes. */
const watched = (terminal: Terminal): { readonly found: Array<string>; stop: () => void } => {
  const found: Array<string> = []
  let isOn = true
  terminal.onDrawn(() => {
    if (isOn) found.push(...problems(terminal.allRows()))
  })
  return { found, stop: () => void (isOn = false) }
}

describe.skipIf(!hasPython)("a grid on the display (left out without Python's pty)", () => {
  const play = (columns: number, rows: number, ...words: ReadonlyArray<number>) =>
    open([...node, playing, ...words.map(String)], { columns, rows })

  for (const columns of [60, 80, 160])
    it(`every frame at ${columns} columns is whole, and nothing is left of them`, async () => {
      const terminal = play(columns, 12, 4, jobs, 5)
      const { found } = watched(terminal)
      expect(await terminal.ended).toBe(0)
      expect(found).toEqual([])
      const lines = terminal.lines()
      expect(lines.filter(isDrawn)).toEqual([])
      expect(lines.filter((line) => line.includes(": started ("))).toHaveLength(4)
      expect(
        lines.filter((line) => line.endsWith(": finished after 1 s, accuracy 50.0 %")),
      ).toHaveLength(4)
      expect(lines.at(-1)).toBe("the end")
    })

  it("any change of size leaves no dead line and takes nothing that was said", async () => {
    const terminal = play(80, 24, 8, jobs, 25)
    await settled(terminal)
    for (const [columns, rows] of [
      [60, 24],
      [160, 24],
      [59, 12],
      [120, 8],
      [40, 30],
      [80, 24],
    ] as const) {
      terminal.resize(columns, rows)
      await settled(terminal)
    }
    for (let i = 0; i < 40; i++) {
      terminal.resize(50 + ((i * 37) % 90), 8 + ((i * 5) % 20))
      await new Promise((resolve) => setTimeout(resolve, 7))
    }
    terminal.resize(80, 24)
    await settled(terminal)
    expect(await terminal.ended).toBe(0)
    const lines = terminal.lines()
    expect(lines.filter(isDrawn)).toEqual([])
    expect(lines.filter((line) => line.includes(": started ("))).toHaveLength(8)
    expect(lines.filter((line) => line.includes("does not tell the proposals"))).toHaveLength(8)
  })

  it("TERM=dumb gets plain lines", async () => {
    const terminal = open([...node, playing, "1", "1", "2"], {
      columns: 80,
      environment: { TERM: "dumb" },
    })
    expect(await terminal.ended).toBe(0)
    expect(terminal.written()).not.toContain("\u001b")
    expect(terminal.lines().at(-1)).toBe("the end")
  })

  it("NO_COLOR takes the colours, and the display stays", async () => {
    const at = (environment: Readonly<Record<string, string>>) =>
      open([...node, playing, "1", "1", "5"], { columns: 80, environment })
    const [plain, coloured] = [at({ NO_COLOR: "1" }), at({ NO_COLOR: "" })]
    expect([await plain.ended, await coloured.ended]).toEqual([0, 0])
    const colour = "\u001b[33m"
    expect(plain.written()).not.toContain(colour)
    expect(coloured.written()).toContain(colour)
    expect(plain.written()).toMatch(/[█░]/)
  })
})

/** A folder with a grid of four trials. */
const prepare = (steps: number): string => {
  const { folder, remove } = makeFolder({
    "space.yaml": space,
    "experiment.yaml": experiment.replace("steps: 300", `steps: ${steps}`),
  })
  cleanups.push(remove)
  return folder
}

/** What must be seen of a trial and of its grid. */
const figures = [/step \d+\/400/, /\d (?:s|min) left/, /cost\/target \d/, /grid: \d/]

describe.skipIf(!hasPython)("`run` in a terminal (left out without Python's pty)", () => {
  for (const columns of [60, 80, 160])
    it(`at ${columns} columns, resized in the midst`, async () => {
      const cwd = prepare(400)
      const command = [...node, main, "run", "experiment.yaml", "--jobs", `${jobs}`]
      const terminal = open(command, { columns, cwd })
      await settled(terminal, figures)
      for (const other of [columns === 60 ? 160 : 60, columns === 80 ? 100 : 80, columns]) {
        terminal.resize(other)
        await settled(terminal)
      }
      expect(await terminal.ended).toBe(0)
      expect(terminal.lines().filter((line) => /[█░]|grid: |step \d/.test(line))).toEqual([])
      expect(terminal.lines().filter((line) => line.includes(": finished after"))).toHaveLength(4)
    })

  it("Ctrl-C takes the display away before it says how to go on", async () => {
    const cwd = prepare(5000)
    const terminal = open([...node, main, "run", "experiment.yaml"], { columns: 80, cwd })
    await settled(terminal)
    terminal.control("c")
    expect(await terminal.ended).toBe(130)
    expect(terminal.lines().filter((line) => /[█░]|grid: |step \d+\//.test(line))).toEqual([])
    expect(terminal.lines().slice(-2).join("\n")).toMatch(
      /^stopped; continue with\n {2}\.\/fliqs run/,
    )
  })
})

const hasTmux = spawnSync("tmux", ["-V"]).status === 0

describe.skipIf(!hasTmux)("in tmux (left out where tmux is missing)", () => {
  it("60, 80 and 160 columns, one after the other: no broken or dead line in any capture", async () => {
    const { folder, remove } = makeFolder({})
    const tmux = (...words: ReadonlyArray<string>) =>
      execFileSync("tmux", ["-S", join(folder, "socket"), "-f", "/dev/null", ...words]).toString()
    cleanups.push(() => tmux("kill-server"), remove)
    const script = join(folder, "play.sh")
    // Something above, as a shell leaves it: tmux scrolls when it wraps lines again, even above an empty rest of the
    // screen, and what has left the screen nobody can erase. The last words keep the screen until it is captured.
    writeFileSync(
      script,
      `unset CI\nexport LANG=C.UTF-8\nseq 12\n${node.join(" ")} ${playing} 6 ${jobs} 40\nexec sleep 60\n`,
    )
    tmux("-u", "new-session", "-d", "-x", "80", "-y", "24", `sh ${script}`)
    const capture = () => tmux("capture-pane", "-p", "-S", "-").split("\n")
    const until = async (holds: (rows: ReadonlyArray<string>) => boolean) => {
      for (;;) {
        const rows = capture()
        if (holds(rows) || rows.includes("the end")) return rows
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    const isRight = (rows: ReadonlyArray<string>) =>
      rows.some((row) => /step [1-9]/.test(row)) && problems(rows).length === 0
    for (const columns of [80, 60, 160, 60, 80]) {
      tmux("resize-window", "-x", `${columns}`)
      const rows = await until(isRight)
      expect(problems(rows)).toEqual([])
      expect(rows.filter((row) => row.includes("trials done"))).toHaveLength(1)
    }
    const last = await until((rows) => rows.includes("the end"))
    expect(last.filter(isDrawn)).toEqual([])
  })
})
