import { Effect, Option } from "effect"
import { describe, expect, it } from "vitest"
import {
  checkFlags,
  flagsWithoutEffect,
  type RunFlags,
} from "../../src/cli/run/FlagsWithoutEffect.ts"
import type { Plan } from "../../src/experiment/Plan.ts"
import type { TrialState } from "../../src/orchestrator/TrialStatus.ts"

const none: RunFlags = {
  set: [],
  jobs: Option.none(),
  failFast: false,
  maxFailed: Option.none(),
  retryFailed: false,
  restart: false,
  track: Option.none(),
}

type Case = readonly [
  name: string,
  flags: Partial<RunFlags>,
  states: ReadonlyArray<TrialState>,
  expected: ReadonlyArray<string>,
]
const jobs = (n: number) => ({ jobs: Option.some(n) })

describe("flags of run that change nothing", () => {
  it.each<Case>([
    ["none", {}, ["planned"], []],
    ["as many jobs as trials", jobs(2), ["planned", "stopped"], []],
    [
      "more jobs than are left",
      jobs(3),
      ["planned", "finished", "failed"],
      ["--jobs 3: 1 trial is left to run; the others have nothing to do"],
    ],
    [
      "jobs for failed trials that are tried again",
      { ...jobs(2), retryFailed: true },
      ["planned", "failed"],
      [],
    ],
    [
      "jobs of a grid that is done",
      jobs(2),
      ["finished", "finished"],
      ["--jobs 2: nothing is left to run; the others have nothing to do"],
    ],
    ["jobs of a grid begun anew", { ...jobs(2), restart: true }, ["finished", "finished"], []],
    [
      "a stop at the first failure of one",
      { failFast: true },
      ["planned"],
      ["--fail-fast changes nothing: 1 trial is left to run"],
    ],
    [
      "a stop at more failures than are left",
      { maxFailed: Option.some(3) },
      ["planned", "planned"],
      ["--max-failed 3 changes nothing: 2 trials are left to run"],
    ],
    ["a stop at as many failures", { maxFailed: Option.some(2) }, ["planned", "planned"], []],
    ["a stop at the first failure of two", { failFast: true }, ["planned", "planned"], []],
    [
      "failed trials again where none failed",
      { retryFailed: true },
      ["planned", "finished"],
      ["--retry-failed changes nothing: no trial has failed"],
    ],
    [
      "a restart of what was never begun",
      { restart: true },
      ["planned", "planned"],
      ["--restart changes nothing: no trial was begun"],
    ],
    ["a restart of what was begun", { restart: true }, ["planned", "stopped"], []],
    [
      "a name in MLflow for what is not sent",
      { track: Option.some(false), set: ["seed=2", "track.experiment=x"] },
      ["planned"],
      ["--set track.experiment=x: changes nothing, because --no-track sends nothing"],
    ],
    ["a name in MLflow for what is sent", { set: ["track.experiment=x"] }, ["planned"], []],
  ])("%s", (_, flags, states, expected) => {
    expect(flagsWithoutEffect({ ...none, ...flags }, states)).toEqual(expected)
  })
})

describe("flags of run that contradict", () => {
  const planOf = (kind: "mlflow" | "none") => ({ track: { kind } }) as Plan
  const refusal = (flags: Partial<RunFlags>, kind: "mlflow" | "none") =>
    Effect.runSync(
      Effect.match(checkFlags({ ...none, ...flags }, planOf(kind)), {
        onFailure: ({ message }) => message,
        onSuccess: () => "",
      }),
    )
  it("each other, or the experiment, are refused", () => {
    expect(refusal({ restart: true, retryFailed: true }, "mlflow")).toContain(
      "leave --retry-failed out",
    )
    expect(refusal({ track: Option.some(true) }, "none")).toContain("--set track.kind=mlflow")
    for (const track of [Option.none(), Option.some(false)])
      expect(refusal({ track }, "none")).toBe("")
    expect(refusal({ track: Option.some(true) }, "mlflow")).toBe("")
  })
})
