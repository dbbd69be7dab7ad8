/** The commands of experiments and their trials. Left out: their own files (`command/`). */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily, needsTensors } from "./LazyCommand.ts"
import {
  count,
  dark,
  experiment,
  json,
  maybe,
  set,
  several,
  state,
  toggle,
  trial,
  withShort,
  yes,
} from "./Flags.ts"

export const plan = Command.make(
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

export const run = Command.make(
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
    on: Flag.Literals("on", ["local", "slurm", "kubernetes", "commands"]).pipe(
      Flag.withDescription(
        "What runs the trials: this machine, Slurm, files for Kubernetes, or commands for another scheduler",
      ),
      Flag.withDefault("local"),
    ),
    only: several("only", "ID", "Run only this trial"),
    failFast: toggle("fail-fast", "Stop the grid at the first failed trial"),
    maxFailed: count(
      "max-failed",
      "failed trials",
      "Stop the grid when so many trials have failed",
    ).pipe(Flag.optional),
    retryFailed: toggle("retry-failed", "Try failed trials again"),
    restart: toggle("restart", "Start from scratch; existing results are put aside"),
    track: Flag.Boolean("track").pipe(
      Flag.withDescription("Send results to MLflow (--no-track: keep them in the state folder)"),
      Flag.optional,
    ),
    eager: toggle("eager", "Run operation by operation: slower, easier to debug"),
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

export const watch = Command.make(
  "watch",
  { experiment, set, yes, state },
  lazily(() => import("./command/Watch.ts")),
).pipe(Command.withDescription("Show the progress of an experiment that runs in another shell"))

export const simulate = Command.make(
  "simulate",
  {
    experiment,
    set,
    yes,
    sensitivities: maybe(
      "sensitivities",
      "FILE",
      "Path of a decision -> what its narrowest option loses; by default estimated from its size",
    ),
    out: maybe(
      "out",
      "FILE.svg|png|json",
      "Draw cost, entropy and top probability over the steps; .json: as a Vega-Lite specification",
    ),
    dark,
    json,
  },
  lazily(() => import("./command/Simulate.ts")),
).pipe(
  Command.withDescription("Rehearse the searches of an experiment without a network, in seconds"),
)

export const report = Command.make(
  "report",
  {
    experiment,
    set,
    yes,
    state,
    out: Flag.String("out").pipe(
      Flag.withMetavar("FILE.html"),
      Flag.withDescription("File to write; one that is there is replaced"),
      Flag.withDefault("report.html"),
    ),
    json,
  },
  lazily(() => import("./command/Report.ts")),
).pipe(
  Command.withDescription("Write one page with the tables, pictures and trials of an experiment"),
  Command.withExamples([
    {
      command: "fliqs report experiments/resnet8-cost-sweep.yaml --out sweep.html",
      description:
        "A page to hand around; it needs no network, and may be made while the grid runs",
    },
  ]),
)

export const exportTrial = Command.make(
  "export",
  {
    trial,
    to: Flag.String("to").pipe(
      Flag.withMetavar("TARGET"),
      Flag.withDescription("onnx, pytorch, safetensors, tfjs, savedmodel or policy"),
      Flag.withDefault("onnx"),
    ),
    out: Flag.String("out").pipe(
      Flag.withMetavar("PATH"),
      Flag.withDescription("File or folder to write"),
    ),
    input: Flag.Literals("input", ["float32", "uint8"]).pipe(
      Flag.withDescription("uint8: takes bytes and normalises them in the file"),
      Flag.withDefault("float32"),
    ),
    emulate: toggle("emulate", "Formats without a type as fake-quantized floats, not as codes"),
    flavour: Flag.Literals("flavour", ["portable", "standard"]).pipe(
      Flag.withDescription("standard: four-bit floats as FLOAT4E2M1, which few runtimes have"),
      Flag.withDefault("portable"),
    ),
    images: count("images", "images", "Test images to compare; 256 by default").pipe(
      Flag.withDefault(256),
    ),
    bound: Flag.Finite("bound").pipe(
      Flag.withMetavar("SHARE"),
      Flag.withDescription(
        "What the logits of three in four images may differ by, of the largest; of any image by 20 times that; 0.05 by default, less is stricter",
      ),
      Flag.filter(
        (share) => share >= 0 && share <= 0.05,
        (share) => `${share} is no bound; 0 to 0.05 would be right`,
      ),
      Flag.withDefault(0.05),
    ),
    python: maybe(
      "python",
      "PATH",
      "A Python with torch and safetensors, to compare --to pytorch; FLIQS_PYTHON or python3 by default",
    ),
    state,
    json,
  },
  lazily(() => import("./command/Export.ts")),
).pipe(
  Command.withDescription("Write the network of a trial for another runtime, and verify it"),
  needsTensors,
)

export const evaluate = Command.make(
  "evaluate",
  {
    subject: Argument.String("trial|file").pipe(
      Argument.withDescription("Trial id, or the beginning of one; or an ONNX file"),
    ),
    data: maybe(
      "data",
      "NAME|DIR|FILE",
      "The images: a data set, a folder with a folder per class, or an experiment file; those of the trial by default",
    ),
    set: several("set", "key=value", "A key of the data block, such as testLimit=1000"),
    threads: count("threads", "threads", "Threads while it is timed; 1 by default").pipe(
      Flag.withDefault(1),
    ),
    profile: toggle("profile", "Time every layer, beside the FP32 twin"),
    integers: toggle("integers", "Let onnxruntime multiply integers, as fliqs.integerOptions says"),
    state,
    json,
  },
  lazily(() => import("./command/Evaluate.ts")),
).pipe(
  Command.withDescription("Run an exported network on the test split: accuracy, size, latency"),
  Command.withExamples([
    { command: "fliqs evaluate 7f3a --profile", description: "A trial, layer by layer" },
    {
      command: "fliqs evaluate model.onnx --data images/",
      description: "A file, on your own images",
    },
  ]),
)

export const demo = Command.make(
  "demo",
  {
    trial,
    out: Flag.String("out").pipe(
      Flag.withMetavar("DIR"),
      Flag.withDescription("Folder to write; a page that is there is replaced"),
    ),
    images: count("images", "images", "Test images to compare; 256 by default").pipe(
      Flag.withDefault(256),
    ),
    state,
    json,
  },
  lazily(() => import("./command/Demo.ts")),
).pipe(
  Command.withDescription("Write a page that runs the network of a trial in a browser"),
  needsTensors,
)

export const cancel = Command.make(
  "cancel",
  {
    trials: Argument.String("trial").pipe(
      Argument.withDescription("Trial id, or the beginning of one; all by default"),
      Argument.atLeast(0),
    ),
    state,
  },
  lazily(() => import("./command/Cancel.ts")),
).pipe(Command.withDescription("End the Slurm jobs of a state folder; their trials save first"))

export const logs = Command.make(
  "logs",
  {
    trial,
    follow: toggle("follow", "Go on until the trial has ended"),
    state,
  },
  lazily(() => import("./command/Logs.ts")),
).pipe(Command.withDescription("Show what the processes of a trial printed"))

export const runTrial = Command.make(
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
).pipe(Command.withDescription("Run one trial: what `run` and every engine start"), needsTensors)
