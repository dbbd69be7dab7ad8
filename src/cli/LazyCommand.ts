/** How a command is declared: its file is loaded when it runs, and its needs besides Node are declared with it. */
import { Context, Effect } from "effect"
import * as Command from "effect/cli/Command"

/** Loads a command's file and hands it the input. */
export const lazily =
  <Input, E, R>(
    load: () => Promise<{ readonly run: (input: Input) => Effect.Effect<void, E, R> }>,
  ) =>
  (input: Input) =>
    Effect.flatMap(Effect.promise(load), (command) => command.run(input))

/** Whether TensorFlow must be there before a command starts; `run` prepares it itself after reading its files. */
export class Needs extends Context.Service<Needs, "tensors">()("fliqs/cli/Needs") {}

/** Declares that TensorFlow must be there before the command starts. */
export const needsTensors = Command.annotate(Needs, "tensors")
