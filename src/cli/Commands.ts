/**
 * The commands with their flags. Each is one file in `command/`, loaded when it runs: nothing here may import what a
 * command needs.
 */
import { Effect } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"

const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print JSON with stable names"),
  Flag.withDefault(false),
)
const state = Flag.String("state").pipe(
  Flag.withMetavar("DIR"),
  Flag.withDescription("State folder; the .fliqs of the nearest ancestor of the experiment file"),
  Flag.optional,
)
const set = Flag.String("set").pipe(
  Flag.withMetavar("path=value"),
  Flag.withDescription("Change a setting of the file; may be given again"),
  Flag.atLeast(0),
)
const yes = Flag.Boolean("yes").pipe(
  Flag.withDescription("Allow more than 1000 cells in a matrix"),
  Flag.withDefault(false),
)
const experiment = Argument.String("experiment").pipe(Argument.withDescription("Experiment file"))
const trial = Argument.String("trial").pipe(
  Argument.withDescription("Trial id, or the beginning of one"),
)

/** Loads a command's file and hands it the input. */
const lazily =
  <Input, E, R>(
    load: () => Promise<{ readonly run: (input: Input) => Effect.Effect<void, E, R> }>,
  ) =>
  (input: Input) =>
    Effect.flatMap(Effect.promise(load), (command) => command.run(input))

const validate = Command.make(
  "validate",
  { files: Argument.String("file").pipe(Argument.variadic({ min: 1 })), json },
  lazily(() => import("./command/Validate.ts")),
).pipe(Command.withDescription("Check space and experiment files; all that needs no training"))

const plan = Command.make(
  "plan",
  { experiment, set, yes, state, json },
  lazily(() => import("./command/Plan.ts")),
).pipe(Command.withDescription("Show the trials of an experiment and what would be skipped"))

const run = Command.make(
  "run",
  {
    experiment,
    set,
    yes,
    state,
    jobs: Flag.Int("jobs").pipe(
      Flag.withAlias("j"),
      Flag.withDescription("Trials at a time; as many as processors and trials by default"),
      Flag.filter(
        (n) => n >= 1,
        (n) => `${n} jobs; at least 1 would be right`,
      ),
      Flag.optional,
    ),
    only: Flag.String("only").pipe(
      Flag.withMetavar("ID"),
      Flag.withDescription("Run only this trial; may be given again"),
      Flag.atLeast(0),
    ),
    failFast: Flag.Boolean("fail-fast").pipe(
      Flag.withDescription("Stop the grid at the first failed trial"),
      Flag.withDefault(false),
    ),
    retryFailed: Flag.Boolean("retry-failed").pipe(
      Flag.withDescription("Try failed trials again"),
      Flag.withDefault(false),
    ),
    restart: Flag.Boolean("restart").pipe(
      Flag.withDescription("Start from scratch; what is there is put aside"),
      Flag.withDefault(false),
    ),
    track: Flag.Boolean("track").pipe(
      Flag.withDescription("Send results to MLflow (--no-track: keep them in the state folder)"),
      Flag.withDefault(true),
    ),
    eager: Flag.Boolean("eager").pipe(
      Flag.withDescription("Run operation by operation: slower, easier to look into"),
      Flag.withDefault(false),
    ),
  },
  lazily(() => import("./command/Run.ts")),
).pipe(
  Command.withDescription("Run or continue an experiment: finished trials are skipped"),
  Command.withExamples([
    { command: "fliqs run experiments/quickstart.yaml", description: "The first search" },
    {
      command: "fliqs run experiments/quickstart.yaml --set train.steps=20 --no-track",
      description: "A rehearsal",
    },
  ]),
)

const simulate = Command.make(
  "simulate",
  {
    experiment,
    set,
    yes,
    sensitivities: Flag.String("sensitivities").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Path of a decision -> what its narrowest option loses; by size else"),
      Flag.optional,
    ),
    out: Flag.String("out").pipe(
      Flag.withMetavar("FILE.svg"),
      Flag.withDescription("Draw cost, entropy and top probability over the steps"),
      Flag.optional,
    ),
    json,
  },
  lazily(() => import("./command/Simulate.ts")),
).pipe(
  Command.withDescription("Rehearse the searches of an experiment without a network, in seconds"),
)

const sort = Flag.String("sort").pipe(
  Flag.withMetavar("KEY[:asc]"),
  Flag.withDescription("Metric or column to sort by, largest first"),
  Flag.optional,
)
const filter = Flag.String("filter").pipe(
  Flag.withMetavar("KEY=VALUE"),
  Flag.withDescription("Only trials whose column or parameter has this value; may be given again"),
  Flag.atLeast(0),
)
const columns = Flag.String("columns").pipe(
  Flag.withMetavar("KEY,KEY"),
  Flag.withDescription("Parameters and metrics to show"),
  Flag.optional,
)
const limit = Flag.Int("limit").pipe(Flag.withDescription("At most so many"), Flag.optional)

const list = Command.make(
  "list",
  { state, json, sort, filter, columns, limit },
  lazily(() => import("./command/List.ts")),
).pipe(Command.withDescription("List trials and how they stand"))

const compare = Command.make(
  "compare",
  {
    experiment,
    set,
    yes,
    state,
    json,
    sort,
    filter,
    columns,
    limit,
    pareto: Flag.String("pareto").pipe(
      Flag.withMetavar("KEY:max,KEY:min"),
      Flag.withDescription("Only the trials on the Pareto front of these metrics"),
      Flag.optional,
    ),
    onlyChanged: Flag.Boolean("only-changed").pipe(
      Flag.withDescription("Leave out columns in which all trials agree"),
      Flag.withDefault(false),
    ),
    out: Flag.String("out").pipe(
      Flag.withMetavar("FILE.svg"),
      Flag.withDescription("Draw the trials and their front"),
      Flag.optional,
    ),
  },
  lazily(() => import("./command/Compare.ts")),
).pipe(Command.withDescription("Compare the trials of an experiment; * marks the Pareto front"))

const show = Command.make(
  "show",
  { trial, state, json },
  lazily(() => import("./command/Show.ts")),
).pipe(Command.withDescription("Show a trial: state, parameters, metrics, assignment"))

const cost = Command.make(
  "cost",
  {
    space: Argument.String("space").pipe(Argument.withDescription("Space file")),
    uniform: Flag.String("uniform").pipe(
      Flag.withMetavar("FORMAT"),
      Flag.withDescription("This format everywhere"),
      Flag.optional,
    ),
    assignment: Flag.String("assignment").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Path -> option, as YAML or JSON; also what `show --json` prints"),
      Flag.optional,
    ),
    latency: Flag.String("latency").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Show milliseconds too, from this latency table"),
      Flag.optional,
    ),
    set,
    json,
  },
  lazily(() => import("./command/Cost.ts")),
).pipe(Command.withDescription("Cost of a whole network, layer by layer"))

const latency = Command.make(
  "latency",
  {
    space: Argument.String("space").pipe(Argument.withDescription("Space file")),
    out: Flag.String("out").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Latency table; times that it has are kept"),
    ),
    threads: Flag.Int("threads").pipe(
      Flag.withDescription("Threads of a layer; 1 by default"),
      Flag.filter(
        (n) => n >= 1,
        (n) => `${n} threads; at least 1 would be right`,
      ),
      Flag.withDefault(1),
    ),
    restart: Flag.Boolean("restart").pipe(
      Flag.withDescription("Begin the table anew"),
      Flag.withDefault(false),
    ),
    set,
    json,
  },
  lazily(() => import("./command/Latency.ts")),
).pipe(Command.withDescription("Measure the layers of a space: the table of the latency cost"))

const formatName = Argument.String("name").pipe(Argument.withDescription("Format, such as INT4"))
const block = Flag.Int("block").pipe(
  Flag.withMetavar("N"),
  Flag.withDescription("Elements of a block, in place of the format's own number"),
  Flag.filter(
    (n) => n >= 1,
    (n) => `${n} elements; at least 1 would be right`,
  ),
  Flag.optional,
)
const sharedExponent = Flag.Literals("shared-exponent", ["floor", "ceil", "even"]).pipe(
  Flag.withDescription("Rule of the E8M0 scales: floor is that of OCP"),
  Flag.optional,
)
const format = Command.make("format").pipe(
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
const path = Flag.String("path").pipe(
  Flag.withMetavar("DIR"),
  Flag.withDescription("Where the files of the data set are, for those that are not fetched"),
  Flag.optional,
)
const data = Command.make("data").pipe(
  Command.withDescription("Data sets"),
  Command.withSubcommands([
    Command.make(
      "list",
      { json },
      lazily(async () => ({ run: (await import("./command/Data.ts")).list })),
    ).pipe(Command.withDescription("Data sets and whether they are in the cache")),
    Command.make(
      "pull",
      { name: dataName, path, json },
      lazily(async () => ({ run: (await import("./command/Data.ts")).pull })),
    ).pipe(Command.withDescription("Fetch a data set into the cache")),
    Command.make(
      "verify",
      { name: dataName, path, json },
      lazily(async () => ({ run: (await import("./command/Data.ts")).verify })),
    ).pipe(
      Command.withDescription(
        "Check every byte of a data set in the cache, or every image of your own",
      ),
    ),
  ]),
)

const ui = Command.make(
  "ui",
  {
    stop: Flag.Boolean("stop").pipe(
      Flag.withDescription("End the local server"),
      Flag.withDefault(false),
    ),
    state,
    json,
  },
  lazily(() => import("./command/Ui.ts")),
).pipe(Command.withDescription("Start (or find) the local MLflow server and print its link"))

const sync = Command.make(
  "sync",
  { state, json },
  lazily(() => import("./command/Sync.ts")),
).pipe(Command.withDescription("Send what could not be sent to MLflow"))

const doctor = Command.make(
  "doctor",
  { state, json },
  lazily(() => import("./command/Doctor.ts")),
).pipe(Command.withDescription("Check this machine, each finding with its mend"))

const runTrial = Command.make(
  "trial",
  {
    id: Flag.String("id").pipe(Flag.withDescription("Trial id")),
    state: Flag.String("state").pipe(Flag.withMetavar("DIR"), Flag.withDescription("State folder")),
    stopWithStdin: Flag.Boolean("stop-with-stdin").pipe(
      Flag.withDescription("Save and stop when stdin ends: whoever started it is gone"),
      Flag.withDefault(false),
    ),
  },
  lazily(() => import("./command/Trial.ts")),
).pipe(Command.withDescription("Run one trial: what `run` and every engine start"))

export const root = Command.make("fliqs").pipe(
  Command.withDescription("One-shot search over neural architectures and number formats"),
  Command.withSubcommands([
    validate,
    plan,
    run,
    simulate,
    list,
    compare,
    show,
    cost,
    latency,
    format,
    data,
    ui,
    sync,
    doctor,
    runTrial,
  ]),
)
