/** `fliqs trial --id ID --state DIR`: one trial, as every engine starts it. */
import { Cause, Deferred, Effect, Stream } from "effect"
import type { Outcome } from "../../orchestrator/Attempt.ts"
import { exitCodes, shortageCode } from "../../orchestrator/ExitCode.ts"
import * as RunTrial from "../../orchestrator/RunTrial.ts"
import { isTrialId } from "../../orchestrator/State.ts"
import * as OneShot from "../../train/OneShot.ts"
import { cacheDirectory } from "../../disk/Installation.ts"
import { TrialError } from "../../train/Errors.ts"
import { trialPage } from "../tracker/GridPages.ts"
import { patience, sayTemporary } from "../Locations.ts"
import { note } from "../Output.ts"
import { trackingSettings } from "../Tracking.ts"
import { withPicture } from "../tracker/TrialPictures.ts"
import { Ended, wordsOf, Wrong } from "../ErrorMessages.ts"

/** Ends with the reason when a signal comes or, if requested, when stdin ends: then the process that started us has ended. */
const makeStop = Effect.fnUntraced(function* (withStdin: boolean) {
  const stop = yield* Deferred.make<string>()
  const ask = (reason: string) => Deferred.doneUnsafe(stop, Effect.succeed(reason))
  for (const signal of ["SIGTERM", "SIGINT", "SIGUSR1"] as const)
    process.on(signal, () => ask(signal))
  if (withStdin)
    process.stdin
      .on("end", () => ask("whoever started it is gone"))
      .on("error", () => ask("whoever started it is gone"))
      .resume()
  return Deferred.await(stop)
})

const codeOf = (outcome: Outcome): number => {
  switch (outcome._tag) {
    case "Done":
      return exitCodes.done
    case "Failed":
      return outcome.cause === "wrongInput" ? exitCodes.wrongInput : exitCodes.failed
    case "Stopped":
      return exitCodes.stopped
    case "Superseded":
      return exitCodes.superseded
  }
}

/** Ends with the code for what the machine ran out of, whether it was foreseen or not. */
const endOf = (cause: Cause.Cause<unknown>) =>
  Effect.gen(function* () {
    if (Cause.hasInterruptsOnly(cause)) return yield* Effect.failCause(cause)
    const error = Cause.squash(cause)
    const code = shortageCode(error)
    if (code === undefined) return yield* Effect.failCause(cause)
    yield* note(messageOf(error))
    return yield* new Ended({ code })
  })

const messageOf = (error: unknown): string => {
  if (error instanceof TrialError) return error.reason.message
  const { message } = error as { readonly message?: unknown }
  return typeof message === "string" && message !== "" ? message : (wordsOf(error)?.text ?? "")
}

export const run = Effect.fn("trial")(function* (input: {
  readonly id: string
  readonly state: string
  readonly stopWithStdin: boolean
}) {
  if (!isTrialId(input.id))
    return yield* new Wrong({ message: `--id ${input.id}: 16 hex digits would be right` })
  // Its events are sent by another process, hours later: an invalid address is reported now.
  yield* trackingSettings
  const storagePatience = yield* patience
  yield* sayTemporary
  const outcome = yield* RunTrial.run({
    ...(storagePatience === undefined ? {} : { storagePatience }),
    state: input.state,
    id: input.id,
    train: (trial, context) =>
      OneShot.run(trial, context).pipe(
        Stream.mapEffect(withPicture),
        Stream.flatMap((events) => Stream.fromIterable(events)),
      ),
    page: trialPage,
    cacheDirectory: cacheDirectory(),
    stop: yield* makeStop(input.stopWithStdin),
  }).pipe(Effect.catchCause(endOf))
  const code = codeOf(outcome)
  if (code !== 0) return yield* new Ended({ code })
})
