/** The commands of formats, data sets, the tracker and the machine. Left out: their own files (`command/`). */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily } from "./LazyCommand.ts"
import { count, json, maybe, set, several, state, toggle, yes } from "./Flags.ts"

const formatName = Argument.String("name").pipe(Argument.withDescription("Format, such as INT4"))
const block = count(
  "block",
  "elements",
  "Elements of a block, in place of the format's own number",
).pipe(Flag.withMetavar("N"), Flag.optional)
const sharedExponent = Flag.Literals("shared-exponent", ["floor", "ceil", "even", "roundUp"]).pipe(
  Flag.withDescription("Rule of the E8M0 scales: floor is that of OCP"),
  Flag.optional,
)
export const format = Command.make("format").pipe(
  Command.withDescription("Number formats"),
  Command.withSubcommands([
    Command.make(
      "list",
      { json },
      lazily(async () => ({ run: (await import("./command/Format.ts")).list })),
    ).pipe(Command.withDescription("All formats and the named sets of them")),
    Command.make(
      "show",
      { name: formatName, json },
      lazily(async () => ({ run: (await import("./command/Format.ts")).show })),
    ).pipe(Command.withDescription("What values a format has")),
    Command.make(
      "round",
      { name: formatName, block, sharedExponent },
      lazily(async () => ({ run: (await import("./command/Format.ts")).round })),
    ).pipe(Command.withDescription("Round little-endian float32 from stdin to stdout, scale 1")),
  ]),
)

const dataName = Argument.String("name").pipe(Argument.withDescription("Data set, such as cifar10"))
const path = maybe(
  "path",
  "DIR",
  "Where the files of the data set are, for those that are not fetched",
)
const dataSet = several("set", "key=value", "A key of the data block, such as links=follow")
export const data = Command.make("data").pipe(
  Command.withDescription("Data sets"),
  Command.withSubcommands([
    Command.make(
      "list",
      { json },
      lazily(async () => ({ run: (await import("./command/Data.ts")).list })),
    ).pipe(Command.withDescription("Data sets and whether they are in the cache")),
    Command.make(
      "pull",
      { name: dataName, path, set: dataSet, json },
      lazily(async () => ({ run: (await import("./command/Data.ts")).pull })),
    ).pipe(Command.withDescription("Fetch a data set into the cache")),
    Command.make(
      "verify",
      { name: dataName, path, set: dataSet, json },
      lazily(async () => ({ run: (await import("./command/Data.ts")).verify })),
    ).pipe(
      Command.withDescription(
        "Check every byte of a data set in the cache, or every image of your own",
      ),
    ),
  ]),
)

export const ui = Command.make(
  "ui",
  {
    stop: toggle("stop", "End the local server"),
    state,
    json,
  },
  lazily(() => import("./command/Ui.ts")),
).pipe(Command.withDescription("Start (or find) the local MLflow server and print its link"))

export const sync = Command.make(
  "sync",
  { state, json },
  lazily(() => import("./command/Sync.ts")),
).pipe(Command.withDescription("Send what could not be sent to MLflow"))

const views = ["accuracy", "arms", "curves", "trials"] as const
export const open = Command.make(
  "open",
  {
    subject: Argument.String("trial|experiment").pipe(
      Argument.withDescription(
        "Trial id or the beginning of one; an experiment file; the name or id of a grid",
      ),
    ),
    set,
    yes,
    view: Flag.Literals("view", views).pipe(
      Flag.withDescription("Of a grid: which page opens"),
      Flag.withDefault("accuracy" as const),
    ),
    browser: Flag.Boolean("browser").pipe(
      Flag.withDescription("Open it in the browser, not only print it (--no-browser: print only)"),
      Flag.optional,
    ),
    state,
    json,
  },
  lazily(() => import("./command/Open.ts")),
).pipe(Command.withDescription("Print and open the MLflow page of a trial or of an experiment"))

export const pull = Command.make(
  "pull",
  {
    run: Argument.String("run").pipe(
      Argument.withDescription("Id or page of a run in MLflow, or the beginning of its trial's id"),
    ),
    out: maybe("out", "DIR", "Folder to write; the id of the trial by default"),
    state,
    json,
  },
  lazily(() => import("./command/Pull.ts")),
).pipe(
  Command.withDescription("Bring a trial back from MLflow: files to repeat it, results, weights"),
)

export const doctor = Command.make(
  "doctor",
  { state, json },
  lazily(() => import("./command/Doctor.ts")),
).pipe(Command.withDescription("Check this machine, each finding with its fix"))

export const merge = Command.make(
  "merge",
  {
    other: Argument.String("other").pipe(
      Argument.withDescription("Another state folder, such as OTHER/.fliqs"),
    ),
    state,
    json,
  },
  lazily(() => import("./command/Merge.ts")),
).pipe(Command.withDescription("Take the trials of another state folder into this one"))

export const clean = Command.make(
  "clean",
  {
    keep: Flag.Literals("keep", ["finished", "best"]).pipe(
      Flag.withDescription(
        "finished: all finished trials, without their checkpoints; best: of each grid the one of highest accuracy",
      ),
    ),
    yes: toggle("yes", "Remove it; without this, only say what would be removed"),
    state,
    json,
  },
  lazily(() => import("./command/Clean.ts")),
).pipe(Command.withDescription("Make room in the state folder"))
