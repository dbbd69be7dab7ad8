/** The commands of one file or one space. Left out: their own files (`command/`). */
import type { Option } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily, needsTensors } from "./LazyCommand.ts"
import { count, dark, json, maybe, set, space, state, toggle } from "./Flags.ts"

export const init = Command.make(
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

export const validate = Command.make(
  "validate",
  { files: Argument.String("file").pipe(Argument.variadic({ min: 1 })), json },
  lazily(() => import("./command/Validate.ts")),
).pipe(Command.withDescription("Check space and experiment files; all that needs no training"))

export const makeCost = (files: Readonly<Record<string, Flag.Flag<Option.Option<string>>>>) =>
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

export const draw = Command.make(
  "draw",
  {
    subject: Argument.String("space").pipe(
      Argument.withDescription("Space file; or the id of a finished trial, to draw what it found"),
    ),
    out: Flag.String("out").pipe(
      Flag.withMetavar("FILE.svg|png"),
      Flag.withDescription("The drawing"),
    ),
    assignment: maybe(
      "assignment",
      "FILE",
      "Mark what it decides; path -> option, also what `show --json` prints",
    ),
    state,
    set,
    dark,
  },
  lazily(() => import("./command/Draw.ts")),
).pipe(Command.withDescription("Draw a space, or the network that was found in it"))

export const latency = Command.make(
  "latency",
  {
    space,
    out: Flag.String("out").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Latency table; times that it has are kept"),
    ),
    runtime: Flag.Literals("runtime", ["tensorflow", "onnxruntime"]).pipe(
      Flag.withDescription(
        "onnxruntime: times each layer as it is exported; tensorflow: as training simulates it",
      ),
      Flag.withDefault("tensorflow"),
    ),
    threads: count("threads", "threads", "Threads of a layer; 1 by default").pipe(
      Flag.withDefault(1),
    ),
    restart: toggle("restart", "Start a new table"),
    set,
    json,
  },
  lazily(() => import("./command/Latency.ts")),
).pipe(
  Command.withDescription("Measure the layers of a space: the table of the latency cost"),
  needsTensors,
)

export const importPolicy = Command.make(
  "import",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription("Policy file, as `fliqs export --to policy` writes it"),
    ),
    weights: maybe("weights", "FILE", "Its weights; FILE.safetensors beside it when left out"),
    out: maybe("out", "DIR", "Write its space, assignment and weights, for an experiment to name"),
    json,
  },
  lazily(() => import("./command/Import.ts")),
).pipe(Command.withDescription("Check a policy file and rebuild its network"))
