/**
 * Shapes of flags, and the flags and arguments that several commands take. Left out: the commands (`Commands.ts`).
 */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"

/** Off unless given. */
export const toggle = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

/** One value, or none. */
export const maybe = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(description),
    Flag.optional,
  )

/** Given as often as there are values. */
export const several = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(`${description}; may be given again`),
    Flag.atLeast(0),
  )

/** Short names of flags that take a value. */
const valueFlags = { j: "jobs" } as const

/** A flag's short name, which may be written together with its value: `-j1`. */
export const withShort = <A>(flag: Flag.Flag<A>, short: keyof typeof valueFlags): Flag.Flag<A> =>
  Flag.withAlias(flag, short)

/** The words of a command line; a short flag is split from a value that is written together with it. */
export const splitShortFlags = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const end = words.indexOf("--")
  const flags = end < 0 ? words : words.slice(0, end)
  const split = flags.flatMap((word) => {
    const [, short = "", value = ""] = /^-([a-zA-Z])([^=].*)$/s.exec(word) ?? []
    return Object.hasOwn(valueFlags, short) ? [`-${short}`, value] : [word]
  })
  return end < 0 ? split : [...split, ...words.slice(end)]
}

/** At least 1 of some things. */
export const count = (name: string, things: string, description: string) =>
  Flag.Int(name).pipe(
    Flag.withDescription(description),
    Flag.filter(
      (n) => n >= 1,
      (n) => `${n} ${things}; at least 1 would be right`,
    ),
  )

export const json = toggle("json", "Print JSON with stable names")
export const state = maybe(
  "state",
  "DIR",
  "State folder; the .fliqs of the nearest ancestor of the experiment file",
)
export const dark = toggle("dark", "Draw --out for a dark ground")
export const set = several("set", "path=value", "Change a setting of the file")
export const yes = toggle("yes", "Allow more than 1000 cells in a matrix")
export const experiment = Argument.String("experiment").pipe(
  Argument.withDescription("Experiment file"),
)
/** Trials that are there already, however a person names them (`ReadGrid.ts`). */
export const grid = Argument.String("experiment").pipe(
  Argument.withDescription(
    "Experiment file; or the name of an experiment in the state folder; or a folder with one, DIR or DIR:NAME",
  ),
)
export const trial = Argument.String("trial").pipe(
  Argument.withDescription("Trial id, or the beginning of one"),
)
export const space = Argument.String("space").pipe(Argument.withDescription("Space file"))

/** Which rows of a table are shown, in which order, with which columns, and in which form. */
export const selection = {
  sort: maybe("sort", "KEY[:asc],...", "Columns to sort by, largest first"),
  filter: several(
    "filter",
    "CONDITION",
    'Only what meets it: "final/accuracy>0.6", kind=evolution, "seed=1|2"; "and" joins several',
  ),
  columns: maybe("columns", "KEY,KEY", "Parameters and metrics to show; short names do"),
  limit: count("limit", "rows", "At most this many rows").pipe(Flag.optional),
  by: maybe("by", "KEY[,KEY]", "Means over trials that agree in these: arm, kind, times, ..."),
  control: maybe(
    "control",
    "ARM",
    "What differences are to: an arm, or uniform, wideThenUniform or random",
  ),
  csv: toggle("csv", "Print CSV with every digit"),
  md: toggle("md", "Print a Markdown table"),
}
