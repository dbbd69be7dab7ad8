/**
 * The commands with their flags. Each is one file in `command/`, loaded when it runs: nothing here may import what a
 * command needs.
 */
import { Effect } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import {
  count,
  experiment,
  json,
  maybe,
  selection,
  set,
  several,
  space,
  state,
  toggle,
  trial,
  withShort,
  yes,
} from "./Flags.ts"

/** Loads a command's file and hands it the input. */
const lazily =
  <Input, E, R>(
    load: () => Promise<{ readonly run: (input: Input) => Effect.Effect<void, E, R> }>,
  ) =>
  (input: Input) =>
    Effect.flatMap(Effect.promise(load), (command) => command.run(input))

const init = Command.make(
  "init",
  {
    folder: Argument.String("dir").pipe(
      Argument.withDescription("Folder to write into; the current one by default"),
      Argument.optional,
    ),
    template: Flag.String("template").pipe(
      Flag.withMetavar("NAME"),
      Flag.withDescription(
        "cifar10-formats, cifar10-joint, own-images, vision-transformer or microcontroller",
      ),
      Flag.withDefault("cifar10-formats"),
    ),
    json,
  },
  lazily(() => import("./command/Init.ts")),
).pipe(Command.withDescription("Write a space and an experiment that run as they are"))

const validate = Command.make(
  "validate",
  { files: Argument.String("file").pipe(Argument.variadic({ min: 1 })), json },
  lazily(() => import("./command/Validate.ts")),
).pipe(Command.withDescription("Check space and experiment files; all that needs no training"))

const plan = Command.make(
  "plan",
  {
    experiment,
    set,
    yes,
    state,
    decisions: toggle(
      "decisions",
      "Print every decision with its role, its options and when it is active",
    ),
    json,
  },
  lazily(() => import("./command/Plan.ts")),
).pipe(Command.withDescription("Show the trials of an experiment and what would be skipped"))

const run = Command.make(
  "run",
  {
    experiment,
    set,
    yes,
    state,
    jobs: withShort(
      count("jobs", "jobs", "Trials at a time; as many as processors and trials by default"),
      "j",
    ).pipe(Flag.optional),
    only: several("only", "ID", "Run only this trial"),
    failFast: toggle("fail-fast", "Stop the grid at the first failed trial"),
    retryFailed: toggle("retry-failed", "Try failed trials again"),
    restart: toggle("restart", "Start from scratch; what is there is put aside"),
    track: Flag.Boolean("track").pipe(
      Flag.withDescription("Send results to MLflow (--no-track: keep them in the state folder)"),
      Flag.optional,
    ),
    eager: toggle("eager", "Run operation by operation: slower, easier to look into"),
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
    sensitivities: maybe(
      "sensitivities",
      "FILE",
      "Path of a decision -> what its narrowest option loses; by size else",
    ),
    out: maybe("out", "FILE.svg", "Draw cost, entropy and top probability over the steps"),
    json,
  },
  lazily(() => import("./command/Simulate.ts")),
).pipe(
  Command.withDescription("Rehearse the searches of an experiment without a network, in seconds"),
)

const list = Command.make(
  "list",
  { state, json, ...selection },
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
    ...selection,
    pareto: maybe(
      "pareto",
      "KEY:max,KEY:min",
      "Only the trials on the Pareto front of these metrics",
    ),
    onlyChanged: toggle("only-changed", "Leave out columns in which all trials agree"),
    out: maybe("out", "FILE.svg", "Draw the trials and their front"),
  },
  lazily(() => import("./command/Compare.ts")),
).pipe(Command.withDescription("Compare the trials of an experiment; * marks the Pareto front"))

const show = Command.make(
  "show",
  { trial, state, json },
  lazily(() => import("./command/Show.ts")),
).pipe(Command.withDescription("Show a trial: state, parameters, metrics, assignment"))

/** The kinds of cost, which bring flags, take a while to load: only a command line that may need them waits. */
const costFiles = async (words: ReadonlyArray<string>) =>
  words.some((word) => word === "cost" || word.startsWith("--completions"))
    ? (await import("./CostFiles.ts")).costFiles
    : {}

const makeCost = (files: Awaited<ReturnType<typeof costFiles>>) =>
  Command.make(
    "cost",
    {
      space,
      uniform: maybe("uniform", "FORMAT", "This format everywhere; WEIGHTS/ACTIVATIONS for a pair"),
      assignment: maybe(
        "assignment",
        "FILE",
        "Path -> option, as YAML or JSON; also what `show --json` prints",
      ),
      files,
      set,
      json,
    },
    lazily(() => import("./command/Cost.ts")),
  ).pipe(Command.withDescription("Cost of a whole network, layer by layer"))

const latency = Command.make(
  "latency",
  {
    space,
    out: Flag.String("out").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Latency table; times that it has are kept"),
    ),
    threads: count("threads", "threads", "Threads of a layer; 1 by default").pipe(
      Flag.withDefault(1),
    ),
    restart: toggle("restart", "Begin the table anew"),
    set,
    json,
  },
  lazily(() => import("./command/Latency.ts")),
).pipe(Command.withDescription("Measure the layers of a space: the table of the latency cost"))

const formatName = Argument.String("name").pipe(Argument.withDescription("Format, such as INT4"))
const block = count(
  "block",
  "elements",
  "Elements of a block, in place of the format's own number",
).pipe(Flag.withMetavar("N"), Flag.optional)
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
const path = maybe(
  "path",
  "DIR",
  "Where the files of the data set are, for those that are not fetched",
)
const dataSet = several("set", "key=value", "A key of the data block, such as links=follow")
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

const ui = Command.make(
  "ui",
  {
    stop: toggle("stop", "End the local server"),
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
).pipe(Command.withDescription("Check this machine, each finding with its fix"))

const runTrial = Command.make(
  "trial",
  {
    id: Flag.String("id").pipe(Flag.withDescription("Trial id")),
    state: Flag.String("state").pipe(Flag.withMetavar("DIR"), Flag.withDescription("State folder")),
    stopWithStdin: toggle(
      "stop-with-stdin",
      "Save and stop when stdin ends: whoever started it is gone",
    ),
  },
  lazily(() => import("./command/Trial.ts")),
).pipe(Command.withDescription("Run one trial: what `run` and every engine start"))

/** All commands, with the flags that these words of a command line may name. */
export const rootFor = async (words: ReadonlyArray<string>) =>
  Command.make("fliqs").pipe(
    Command.withDescription("One-shot search over neural architectures and number formats"),
    Command.withSubcommands([
      init,
      validate,
      plan,
      run,
      simulate,
      list,
      compare,
      show,
      makeCost(await costFiles(words)),
      latency,
      format,
      data,
      ui,
      sync,
      doctor,
      runTrial,
    ]),
  )
