/** `fliqs draw SPACE --out FILE`: a space as boxes, or the network that an assignment or a trial decided in it. */
import { existsSync } from "node:fs"
import { Effect, Option, Result } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import { build } from "../../network/Build.ts"
import type { Network } from "../../network/Network.ts"
import type { Space } from "../../network/SpaceFile.ts"
import * as TrialResult from "../../orchestrator/Result.ts"
import * as State from "../../orchestrator/State.ts"
import { boxPng, boxSvg } from "../../picture/BoxSvg.ts"
import { drawingOf } from "../../report/drawing/SpaceDrawing.ts"
import { sizeLine } from "../../report/drawing/SpaceSize.ts"
import type { Choices } from "../../space/Decision.ts"
import { fromAssignment } from "../../space/DecisionSpace.ts"
import { readAssignment } from "../AssignmentFile.ts"
import { Wrong } from "../ErrorMessages.ts"
import { declarationOf, readFinished } from "../FoundModels.ts"
import { buildSpace, findTrial, stateFolder, writeOut } from "../Locations.ts"
import { note } from "../Output.ts"
import { themeOf } from "../PictureFiles.ts"

interface Input {
  readonly subject: string
  readonly out: string
  readonly assignment: Option.Option<string>
  readonly state: Option.Option<string>
  readonly set: ReadonlyArray<string>
  readonly dark: boolean
}

interface Drawn {
  readonly space: Space
  readonly network: Network
  readonly choices?: Choices
}

const isTrial = (subject: string): boolean =>
  /^[0-9a-f]{1,16}$/i.test(subject) && !existsSync(subject)

/** The space of a finished trial and what it decided. */
const ofTrial = Effect.fnUntraced(function* (beginning: string, state: Option.Option<string>) {
  const folder = yield* stateFolder(state)
  const id = yield* findTrial(folder, beginning)
  const trial = yield* readFinished(folder, id)
  const { space } = yield* declarationOf(trial)
  const { network } = build(space)
  const result = yield* TrialResult.read(State.resultFile(folder, id))
  const assignment = result?.state === "finished" ? result.assignment : {}
  if (network === undefined) return yield* Effect.die(new Error("a trained space was not built"))
  const found = fromAssignment(network.space, assignment)
  if (Result.isFailure(found))
    return yield* new Wrong({
      message: `${pathText(State.resultFile(folder, id))}: its assignment does not fit the space of the trial`,
    })
  return { space, network, choices: found.success } satisfies Drawn
})

const ofFile = Effect.fnUntraced(function* ({ assignment, set, subject }: Input) {
  const { network, space, warnings } = yield* buildSpace("draw", subject, set)
  for (const warning of warnings) yield* note(`warning: ${warning.text}`)
  if (Option.isNone(assignment)) return { space, network } satisfies Drawn
  const choices = yield* readAssignment(network, assignment.value)
  return { space, network, choices } satisfies Drawn
})

export const run = Effect.fn("draw")(function* (input: Input) {
  const { assignment, out, set, state, subject } = input
  if (isTrial(subject) && (Option.isSome(assignment) || set.length > 0))
    return yield* new Wrong({
      message:
        "a trial has its own space and assignment; leave --assignment and --set out, or name a space file",
    })
  if (!isTrial(subject) && Option.isSome(state))
    return yield* new Wrong({ message: "--state is for trials, and this is a file; leave it out" })
  const { choices, network, space }: Drawn = isTrial(subject)
    ? yield* ofTrial(subject, state)
    : yield* ofFile(input)
  const drawing = drawingOf(space, network, {
    lines: [sizeLine(network, choices)],
    ...(choices === undefined ? {} : { choices }),
  })
  const theme = themeOf(input)
  const isPng = out.toLowerCase().endsWith(".png")
  yield* writeOut(
    out,
    isPng ? yield* Effect.promise(() => boxPng(drawing, theme)) : boxSvg(drawing, theme),
  )
})
