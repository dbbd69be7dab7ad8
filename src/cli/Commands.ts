/**
 * All commands. Each is one file in `command/`, loaded when it runs: nothing here may import what a command needs.
 *
 * `scripts/commands.txt` gives the same names to the shell, which must know what to set up before Node runs.
 */
import * as Command from "effect/cli/Command"
import {
  evaluate,
  demo,
  exportTrial,
  cancel,
  logs,
  plan,
  report,
  run,
  runTrial,
  simulate,
  watch,
} from "./GridCommands.ts"
import { best, compare, diff, list, show } from "./ResultCommands.ts"
import { clean, data, doctor, format, merge, open, pull, sync, ui } from "./OtherCommands.ts"
import { draw, importPolicy, init, latency, makeCost, validate } from "./SpaceCommands.ts"

/** The kinds of cost, which add flags, load slowly: they are loaded only if the command line may need them. */
const costFiles = async (words: ReadonlyArray<string>) =>
  words.some((word) => word === "cost" || word.startsWith("--completions"))
    ? (await import("./CostFiles.ts")).costFiles
    : {}

/** All commands, with the flags that the words of a command line may name. */
export const rootFor = async (words: ReadonlyArray<string>) =>
  Command.make("fliqs").pipe(
    Command.withDescription("One-shot search over neural architectures and number formats"),
    Command.withSubcommands([
      init,
      validate,
      plan,
      run,
      watch,
      simulate,
      list,
      compare,
      best,
      diff,
      report,
      show,
      logs,
      cancel,
      exportTrial,
      evaluate,
      demo,
      makeCost(await costFiles(words)),
      draw,
      latency,
      importPolicy,
      format,
      data,
      ui,
      open,
      pull,
      sync,
      merge,
      clean,
      doctor,
      runTrial,
    ]),
  )
