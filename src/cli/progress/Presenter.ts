/**
 * Messages of effect/cli: help and version are answers; a wrong flag or command gets one short message with the
 * nearest right word in place of a page of help.
 */
import { Effect } from "effect"
import * as CliOutput from "effect/cli/CliOutput"
import type * as CliError from "effect/cli/CliError"
import { didYouMean, nearest, oneOf } from "../../declaration/Suggest.ts"
import { otherCommand, otherFlag } from "../OtherWords.ts"
import { note, print } from "../Output.ts"

/** What would be right in place of a flag; names are compared without dashes. */
const flagInstead = (written: string, names: ReadonlyArray<string>): string => {
  const [, no = "", name = ""] = /^-*(no-)?(.*)$/s.exec(written) ?? []
  const near = nearest(name, names).map((found) => `--${no}${found}`)
  const all =
    names.length === 0
      ? "none belongs here"
      : `${oneOf(names.map((one) => `--${one}`))} would be right`
  return otherFlag(written) ?? (near.length === 0 ? all : `did you mean ${oneOf(near)}?`)
}

const problemOf = (
  error: CliError.NonShowHelpErrors,
  known: { readonly flags: ReadonlyArray<string>; readonly commands: ReadonlyArray<string> },
): string => {
  switch (error._tag) {
    case "UnknownSubcommand": {
      // Names of other tools are known for commands at the top level only.
      const others = known.commands.includes("run") ? otherCommand : undefined
      return `there is no command ${error.subcommand}; ${didYouMean(error.subcommand, known.commands, others)}`
    }
    case "UnrecognizedOption":
      return `there is no flag ${error.option}; ${flagInstead(error.option, known.flags)}`
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
          flags: flags.map((flag) => flag.name),
          commands: subcommands.flatMap((group) => group.commands.map((command) => command.name)),
        }
        for (const error of event.errors) yield* note(problemOf(error, known))
        return yield* note(`see ${event.commandPath.join(" ")} --help`)
      }
    }
  }),
})
