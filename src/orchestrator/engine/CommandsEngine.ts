/**
 * The commands of all trials that are left, a line each, for any scheduler: GNU parallel, PBS, Ray, a loop in a shell. What a
 * trial needs stands behind its command as a comment. The contract is the process and the folder: exit codes say what to do.
 */
import * as nodePath from "node:path"
import { shellCommand, shellWord } from "../../declaration/Shell.ts"
import type { Resources } from "../../experiment/Resources.ts"
import type * as State from "../State.ts"
import type { WritingEngine } from "./Engine.ts"

/** `cpus=4 memory=4GB`: what a trial needs, as words for a comment. */
const needs = ({ execution }: State.TrialFile): string => {
  const { resources = {}, threads } = execution
  const { cpus = threads, extra, ...rest }: Resources = resources
  const words = Object.entries({ cpus, ...rest }).map(
    ([key, value]) => `${key}=${String(value).replaceAll(" ", "")}`,
  )
  return [...words, ...(extra ?? [])].join(" ")
}

export const CommandsEngine: WritingEngine = {
  kind: "commands",
  write: ({ cache, program, state, trials }) => {
    const folder = nodePath.resolve(state)
    const prefix = cache === "" ? "" : `FLIQS_CACHE=${shellWord(cache)} `
    return {
      text: trials
        .map(
          (trial) =>
            `${prefix}${shellCommand([program, "trial", "--id", trial.id, "--state", folder])} # ${needs(trial)}`,
        )
        .join("\n"),
      notes: [
        "each line runs one trial, in any order, on any machine that sees these paths; a trial that two run at once is trained by the later one",
        "exit codes: 0 done; 1, 2 failed for good; 75 saved, run it again; 76 another process has it; all others: run it again, a few times",
        "the same command with --on local shows the results and sends them to MLflow; `fliqs sync` only sends them",
      ],
      files: {},
      folder,
    }
  },
}
