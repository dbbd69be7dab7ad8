/**
 * What effect/cli says by itself: help and version are answers; a wrong flag or command is one short message with the
 * nearest right word, not a page of help.
 */
import { Effect } from "effect"
import * as CliOutput from "effect/cli/CliOutput"
import type * as CliError from "effect/cli/CliError"
import { didYouMean } from "../declaration/Suggest.ts"
import { note, print } from "./Output.ts"

const nearest = (words: ReadonlyArray<string>, all: ReadonlyArray<string>, word: string): string =>
  words.length > 0 ? `did you mean ${words.join(" or ")}?` : didYouMean(word, all)

const problemOf = (
  error: CliError.NonShowHelpErrors,
  known: { readonly flags: ReadonlyArray<string>; readonly commands: ReadonlyArray<string> },
): string => {
  switch (error._tag) {
    case "UnknownSubcommand":
      return `there is no command ${error.subcommand}; ${nearest(error.suggestions, known.commands, error.subcommand)}`
    case "UnrecognizedOption":
      return `there is no flag ${error.option}; ${nearest(error.suggestions, known.flags, error.option)}`
    default:
      return error.message
  }
}

export const layer = CliOutput.layerPresenter({
  present: Effect.fnUntraced(function* (event) {
    const formatter = CliOutput.defaultFormatter({
      colors: process.stdout.isTTY === true && (process.env["NO_COLOR"] ?? "") === "",
    })
    switch (event._tag) {
      case "Help":
        return yield* print(formatter.formatHelpDoc(event.helpDoc))
      case "Version":
        return yield* print(`${event.name} ${event.version}`)
      case "InvalidInvocation": {
        const { flags, subcommands = [] } = event.helpDoc
        const known = {
          flags: flags.map((flag) => `--${flag.name}`),
          commands: subcommands.flatMap((group) => group.commands.map((command) => command.name)),
        }
        for (const error of event.errors) yield* note(problemOf(error, known))
        return yield* note(`see ${event.commandPath.join(" ")} --help`)
      }
    }
  }),
})
