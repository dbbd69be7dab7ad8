#!/usr/bin/env node
/**
 * The process: parses the command line, gives every command its services, turns errors into words and exit codes.
 *
 * Only the declarations of the commands are loaded here; each command's own file, and what it needs, is loaded when it
 * runs, and TensorFlow only by commands that train.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Effect, Exit, Layer, Logger, Runtime } from "effect"
import * as Command from "effect/cli/Command"
import { readFileSync } from "node:fs"
import { rootFor } from "./Commands.ts"
import { splitShortFlags } from "./Flags.ts"
import { say, yellow } from "./Output.ts"
import * as Presenter from "./progress/Presenter.ts"
import { exitCodes, wordsOf } from "./ErrorMessages.ts"

const { version } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
) as { readonly version: string }

// A reader that closes early (`| head`) ends the command; a parent that has ended must not end a child's last save.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE" && process.argv[2] !== "trial") process.exit(exitCodes.ok)
})
process.stderr.on("error", () => {})

const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
  const text = (Array.isArray(message) ? message : [message])
    .map((part) => (typeof part === "string" ? part : JSON.stringify(part)))
    .join(" ")
  const label = logLevel === "Info" ? "" : yellow(`${logLevel.toLowerCase()}: `)
  say(`${label}${text}`)
})

const codeOf = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return exitCodes.ok
  if (Cause.hasInterruptsOnly(exit.cause)) return exitCodes.interrupted
  const error = Cause.squash(exit.cause)
  const words = wordsOf(error)
  if (words !== undefined) {
    if (words.text !== "") say(words.text)
    return words.code
  }
  // Errors of flags and arguments: `Presenter` has printed them.
  if (typeof error === "object" && error !== null && "_tag" in error && error._tag === "ShowHelp")
    return "errors" in error && (error.errors as ReadonlyArray<unknown>).length > 0
      ? exitCodes.wrong
      : exitCodes.ok
  say(`${Cause.pretty(exit.cause)}\nThis is a mistake in fliqs ${version}.`)
  return 70
}

/** A command that handles a signal keeps running; otherwise the signal interrupts the command. */
const runMain = Runtime.makeRunMain(({ fiber }) => {
  const onSignal = (signal: NodeJS.Signals) => {
    if (process.listenerCount(signal) === 1) fiber.interruptUnsafe(fiber.id)
  }
  process.on("SIGINT", onSignal)
  process.on("SIGTERM", onSignal)
  fiber.addObserver((exit) => process.exit(codeOf(exit)))
})

const services = Layer.mergeAll(NodeServices.layer, Presenter.layer, Logger.layer([logger]))

const words = process.argv.slice(2)

runMain(
  Command.runWith(await rootFor(words), { version })(splitShortFlags(words)).pipe(
    Effect.provide(services),
  ),
  {
    disableErrorReporting: true,
  },
)
