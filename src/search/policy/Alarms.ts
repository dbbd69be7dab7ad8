/**
 * Warnings about a search that is not going well, each with its likely cause: pure rules over one moment of a run.
 *
 * The thresholds were set on synthetic spaces, between runs that found their optimum and runs broken on purpose.
 */
import type { Alarm } from "../Search.ts"

/** What does not change over a run. */
export interface Run {
  readonly steps: number
  /** The step at which the policy's updates begin. */
  readonly delayEnd: number
  readonly proposals: number
}

/** What is known of a run after `done` of its steps. */
export interface Moment extends Run {
  readonly done: number
  /** Mean entropy relative to the uniform policy's, 0 to 1. */
  readonly entropyRatio: number
  readonly topProbability: number
  /** Mean of |cost / target - 1| over the samples of the last steps; undefined before them. */
  readonly costDeviation: number | undefined
  /** z of the quality signal so far (`Signal.ts`). */
  readonly signal: number
  /** Share of decisions whose final choice is also the mode of the last samples; undefined before them. */
  readonly modeAgreement: number | undefined
}

interface Rule {
  readonly alarm: string
  /** The only step after which it may go off, counted from 1. */
  readonly at: (run: Run) => number
  readonly when: (moment: Moment) => boolean
  readonly message: (moment: Moment) => string
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

const rules: ReadonlyArray<Rule> = [
  {
    alarm: "noQualitySignal",
    at: ({ delayEnd }) => delayEnd,
    when: ({ proposals, signal }) => proposals >= 4 && signal < 3,
    message: ({ signal }) =>
      `no quality signal: z = ${signal.toFixed(1)} at the delay's end, below 3; ` +
      "the options hardly differ on one batch: offer narrower formats, more steps or larger batches",
  },
  {
    alarm: "collapsedEarly",
    at: ({ steps }) => Math.round(0.4 * steps),
    when: ({ entropyRatio }) => entropyRatio < 0.3,
    message: ({ entropyRatio }) =>
      `collapsed early: ${percent(entropyRatio)} of the entropy is left at 40 % of the run, below 30 %; ` +
      "the policy's learning rate is likely too high",
  },
  {
    alarm: "commitmentTooStrong",
    at: ({ steps }) => Math.round(0.6 * steps),
    when: ({ entropyRatio }) => entropyRatio < 0.1,
    message: ({ entropyRatio }) =>
      `commitment too strong: ${percent(entropyRatio)} of the entropy is left at 60 % of the run, below 10 %; ` +
      "lower commitment.max, or let it rise later",
  },
  {
    alarm: "notCommitted",
    at: ({ steps }) => steps,
    when: ({ topProbability }) => topProbability < 0.9,
    message: ({ topProbability }) =>
      `not committed: mean top probability ${topProbability.toFixed(3)} at the end, below 0.9; ` +
      "the weights have not trained under the final assignment: raise commitment.max, the learning rate or the steps",
  },
  {
    alarm: "costOffTarget",
    at: ({ steps }) => steps,
    when: ({ costDeviation = 0 }) => costDeviation > 0.05,
    message: ({ costDeviation = 0 }) =>
      `cost off target: ${percent(costDeviation)} away on average over the last steps, above 5 %; ` +
      "raise reward.beta or the steps, or look whether the target lies between two options",
  },
  {
    alarm: "finalIsNotMode",
    at: ({ steps }) => steps,
    when: ({ modeAgreement = 1 }) => modeAgreement < 1,
    message: ({ modeAgreement = 1 }) =>
      `the final assignment is not what was drawn last: ${percent(1 - modeAgreement)} of its decisions differ from ` +
      "the mode of the last samples; the policy was still moving, give it more steps",
  },
]

/** Of a search that ends with what it chose at one step: nothing closer to the target was found. */
export const chosenOffTarget = (costOverTarget: number): ReadonlyArray<Alarm> => {
  const off = costOverTarget - 1
  if (Math.abs(off) <= 0.05) return []
  return [
    {
      alarm: "costOffTarget",
      message:
        `cost off target: the assignment that was taken costs ${percent(Math.abs(off))} ${off > 0 ? "more" : "less"}, ` +
        "and nothing closer was found; give a target that more assignments come close to",
    },
  ]
}

/** Whether any alarm could go off after `done` steps. */
export const isAlarmStep = (run: Run, done: number): boolean =>
  rules.some((rule) => rule.at(run) === done)

/** The alarms that go off at this moment: each has one moment in a run, so none comes twice. */
export const alarmsAt = (moment: Moment): ReadonlyArray<Alarm> =>
  rules
    .filter((rule) => moment.done === rule.at(moment) && rule.when(moment))
    .map(({ alarm, message }) => ({ alarm, message: message(moment) }))
