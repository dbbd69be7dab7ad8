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
export const set = several("set", "path=value", "Change a setting of the file")
export const yes = toggle("yes", "Allow more than 1000 cells in a matrix")
export const experiment = Argument.String("experiment").pipe(
  Argument.withDescription("Experiment file"),
)
export const trial = Argument.String("trial").pipe(
  Argument.withDescription("Trial id, or the beginning of one"),
)
export const space = Argument.String("space").pipe(Argument.withDescription("Space file"))

/** Which rows of a table are shown, in which order, and with which columns. */
export const selection = {
  sort: maybe("sort", "KEY[:asc]", "Metric or column to sort by, largest first"),
  filter: several("filter", "KEY=VALUE", "Only trials whose column or parameter has this value"),
  columns: maybe("columns", "KEY,KEY", "Parameters and metrics to show"),
  limit: count("limit", "rows", "At most this many rows").pipe(Flag.optional),
}
