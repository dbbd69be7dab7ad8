/** Where the command line finds things: the cache, the state folder, space files. */
import { Duration, Effect, FileSystem, Option } from "effect"
import { dirname } from "node:path"
import { DeclarationErrors, pathText, printable } from "../declaration/Errors.ts"
import * as Durable from "../disk/Durable.ts"
import { cacheDirectory } from "../disk/Installation.ts"
import { stored } from "../disk/Patience.ts"
import * as Temporary from "../disk/Temporary.ts"
import { whyNotWritable } from "../disk/Writable.ts"
import { changedSpace } from "../experiment/ChangedSpace.ts"
import { readKind } from "../experiment/FileKind.ts"
import * as Plan from "../experiment/Plan.ts"
import { build } from "../network/Build.ts"
import { ofTrials } from "../orchestrator/InitialWeights.ts"
import * as Planned from "../orchestrator/Planned.ts"
import * as State from "../orchestrator/State.ts"
import { note } from "./Output.ts"
import { NotReady, Wrong } from "./ErrorMessages.ts"

/** Where temporary files go: TMPDIR, or a replacement, first of all the cache. */
export const temporary = Effect.sync(() => {
  Temporary.alsoUse([`${cacheDirectory()}/tmp`])
  return Temporary.find()
})

/** Warns if temporary files cannot go where they should. */
export const sayTemporary = Effect.flatMap(temporary, ({ folder, problem }) =>
  problem === "" || folder === undefined
    ? Effect.void
    : note(pathText(`warning: no temporary files in ${problem}; they go to ${folder}`)),
)

/** FLIQS_PATIENCE: seconds that a run waits for room, open files or memory; undefined when it is not set. */
export const patience = Effect.suspend((): Effect.Effect<Duration.Duration | undefined, Wrong> => {
  const given = process.env["FLIQS_PATIENCE"] ?? ""
  if (given === "") return Effect.undefined
  const seconds = Number(given)
  return seconds >= 0 && Number.isFinite(seconds)
    ? Effect.succeed(Duration.seconds(seconds))
    : Effect.fail(
        new Wrong({ message: `FLIQS_PATIENCE is ${given}; a number of seconds would be right` }),
      )
})

/** The state folder: as given, else as `State.locate` finds it. */
export const stateFolder = (given: Option.Option<string>, experimentFile?: string) =>
  Option.isSome(given) ? Effect.succeed(given.value) : State.locate(experimentFile, process.cwd())

/** Fails if nothing can be written in the state folder. */
export const requireWritable = (folder: string) =>
  Effect.suspend(() => {
    const reason = whyNotWritable(folder)
    return reason === undefined
      ? Effect.void
      : Effect.fail(
          new NotReady({
            message: `the state folder ${pathText(folder)} cannot be written: ${pathText(reason)}; --state DIR names another`,
          }),
        )
  })

/** An experiment file, its plan, and the state folder that goes with it. Warnings go to stderr. */
export const readPlan = Effect.fnUntraced(function* (
  command: "best" | "compare" | "open" | "plan" | "pull" | "report" | "run" | "simulate" | "watch",
  input: {
    readonly experiment: string
    readonly set: ReadonlyArray<string>
    readonly yes: boolean
    readonly state?: Option.Option<string>
  },
) {
  const document = yield* readKind(input.experiment, ["experiment"], `fliqs ${command}`)
  const folder = yield* stateFolder(input.state ?? Option.none(), input.experiment)
  const { set: sets, yes } = input
  const plan = yield* Plan.expand(document, {
    sets,
    yes,
    trialWeights: ofTrials(folder),
    standing: Planned.standing(folder),
  })
  for (const warning of plan.warnings) yield* note(`warning: ${warning.text}`)
  return { document, folder, plan }
})

/** A space file with changes, built. */
export const buildSpace = Effect.fnUntraced(function* (
  command: "cost" | "draw" | "latency",
  file: string,
  sets: ReadonlyArray<string>,
) {
  const document = yield* readKind(file, ["space"], `fliqs ${command}`)
  const { errors, value, warnings } = yield* changedSpace(document, sets)
  if (errors.length > 0) return yield* new DeclarationErrors({ errors })
  const { network } = value === undefined ? { network: undefined } : build(value)
  return value === undefined || network === undefined
    ? yield* Effect.die(new Error("a space without problems was not built"))
    : { space: value, network, warnings }
})

/** The same; warnings go to stderr. */
export const readSpace = Effect.fnUntraced(function* (...given: Parameters<typeof buildSpace>) {
  const { network, warnings } = yield* buildSpace(...given)
  for (const warning of warnings) yield* note(`warning: ${warning.text}`)
  return network
})

/** The one trial of the state folder whose id begins like this. */
export const findTrial = Effect.fnUntraced(function* (state: string, beginning: string) {
  const ids = yield* State.trialIds(state)
  const found = ids.filter((id) => id.startsWith(beginning.toLowerCase()))
  if (found.length === 1) return found[0]!
  return yield* new Wrong({
    message:
      found.length === 0
        ? /[./\\]/.test(beginning)
          ? `${printable(beginning)} is no id of a trial, which has 16 hex digits; \`fliqs list\` shows those there are`
          : `no trial ${printable(beginning)} in ${pathText(state)}; \`fliqs list\` shows those there are`
        : `${beginning} is the beginning of ${found.length} trials: ${found.slice(0, 5).join(", ")}; give more of it`,
  })
})

/** Writes files into a folder, which is made where it is missing. */
export const saveFiles = Effect.fnUntraced(function* (
  folder: string,
  files: Readonly<Record<string, string>>,
) {
  const fs = yield* FileSystem.FileSystem
  if (Object.keys(files).length === 0) return
  yield* fs.makeDirectory(folder, { recursive: true }).pipe(stored("create", folder))
  for (const [name, text] of Object.entries(files))
    yield* Durable.replace(`${folder}/${name}`, [new TextEncoder().encode(text)])
})

/** Writes the file of `--out`, whole or not at all; follows a link, and writes directly to a pipe or device. */
export const writeOut = Effect.fnUntraced(function* (file: string, content: string | Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content
  const write = Effect.gen(function* () {
    const kind = yield* fs.stat(file).pipe(
      Effect.map(({ type }) => type),
      Effect.catchReason("PlatformError", "NotFound", () => Effect.succeed("Missing" as const)),
    )
    if (kind !== "File" && kind !== "Missing") return yield* fs.writeFile(file, bytes)
    const target = kind === "File" ? yield* fs.realPath(file) : file
    yield* Durable.sweep(dirname(target), "stale")
    yield* Durable.replace(target, [bytes]).pipe(
      // A file may be writable in a folder that is not.
      Effect.catchIf(
        ({ reason }) =>
          kind === "File" &&
          reason._tag === "Unreachable" &&
          ["EACCES", "EPERM", "EROFS", "EBUSY"].includes(reason.code ?? ""),
        () => fs.writeFile(file, bytes),
      ),
    )
  }).pipe(stored("write", file))
  yield* write.pipe(
    Effect.catchIf(
      (error) => !error.passes,
      ({ reason }) =>
        Effect.fail(
          new Wrong({ message: `--out ${pathText(file)}: cannot be written: ${reason.message}` }),
        ),
    ),
  )
})
