/**
 * Random search: the best of n random assignments within target, on shared weights trained under such assignments (the
 * baseline of Li and Talwalkar, arXiv 1902.07638, which weight-sharing searches often fail to beat).
 *
 * With one candidate nothing is measured: one random assignment is trained from the first step, the control that says
 * what the same steps give without any search.
 */
import { Schema } from "effect"
import { optional } from "../declaration/Field.ts"
import { makePopulation } from "./population/Population.ts"
import {
  populationFields,
  populationProblems,
  resolvePopulation,
} from "./population/PopulationSettings.ts"
import { type SearchKind, unreadReward } from "./Search.ts"
import { usualWide, writtenNorms, writtenWidest } from "./policy/CommonKnobs.ts"

export const RandomSpec = Schema.Struct({
  kind: Schema.Literal("random"),
  candidates: optional(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4096 })),
    "Random assignments within target, of which the best is kept; 1: one is trained from the first step. 1 to 4096.",
    { default: 64 },
  ),
  ...populationFields,
}).annotate({
  identifier: "RandomSearch",
  description: "The best of some random assignments within target: a rival to compare with.",
})
export type RandomSpec = typeof RandomSpec.Type

const resolve = ({ norms, ...spec }: RandomSpec, steps: number) => ({
  candidates: 64,
  ...resolvePopulation(spec, steps),
  ...writtenNorms(norms),
})

export const Random = {
  kind: "random",
  spec: RandomSpec,
  make: (spec, problem) => {
    if (problem.reward === null) throw new Error("a search needs a reward")
    const settings = resolve(spec, problem.steps)
    const plan = { ...settings, size: settings.candidates }
    return makePopulation(plan, { ...problem, reward: problem.reward })
  },
  resolved: (spec, steps) => {
    const { kind, candidates, tolerance, ...knobs } = resolve(
      { ...usualWide(spec), ...spec },
      steps,
    )
    // one alone is trained throughout: the other knobs do nothing
    return { kind, candidates, tolerance, ...(candidates === 1 ? {} : knobs) }
  },
  identity: ({ widest, ...spec }) => ({ ...spec, ...writtenWidest(widest) }),
  problems: (spec, _reward, steps) =>
    spec.candidates === 1 ? [] : populationProblems(resolve(spec, steps), steps, 0),
  isDecided: ({ candidates }) => candidates === 1,
  unread: ({ candidates }) =>
    candidates === 1
      ? [
          ...unreadReward("kind", "beta", "quality"),
          ...["batches", "delay", "freezeAt", "trainFormats", "widest", "norms"].map((key) => ({
            path: ["search", key],
          })),
        ]
      : unreadReward("kind", "beta"),
  measures: (spec) => spec.candidates !== 1,
} as const satisfies SearchKind<RandomSpec>
