/**
 * Regularised evolution (Real et al., arXiv 1802.01548) on shared weights (Guo et al., arXiv 1904.00420).
 *
 * Each step a few members, drawn at random, hold a tournament; a mutated copy of the best joins the population, and the
 * oldest member leaves, however good it was: what is to stay must be bred again and measured well again. Where we
 * differ: fitness is a mean over the steps a member lives through, each relative to the population on one batch, since a
 * batch is noisy and the weights still train; a copy may come out unchanged; mutants are moved within target; and to the
 * last comparison comes one assignment that was not bred, but pieced together from all measurements (`Population.ts`).
 */
import { Schema } from "effect"
import { optional } from "../declaration/Field.ts"
import type { Choices, DecisionSpace } from "../space/Decision.ts"
import { activity } from "../space/DecisionSpace.ts"
import type { Random } from "../space/RandomStream.ts"
import { makePopulation } from "./population/Population.ts"
import {
  populationFields,
  populationProblems,
  resolvePopulation,
} from "./population/PopulationSettings.ts"
import { estimatedQuality, type Member } from "./population/PopulationState.ts"
import { type SearchKind, unreadReward } from "./Search.ts"
import { usualWide, writtenNorms, writtenWidest } from "./policy/CommonKnobs.ts"

export const EvolutionSpec = Schema.Struct({
  kind: Schema.Literal("evolution"),
  population: optional(
    Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 1024 })),
    "Members, all of which are measured at every step of the evolution, 2 to 1024.",
    { default: 16 },
  ),
  tournament: optional(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1024 })),
    "Members drawn at random, the best of which has a child. Default: 8, or all of fewer.",
    { examples: [8] },
  ),
  mutations: optional(
    Schema.Finite.check(Schema.isGreaterThan(0)),
    "Decisions that a child draws anew, on average, above 0.",
    { default: 1 },
  ),
  ...populationFields,
}).annotate({
  identifier: "EvolutionSearch",
  description: "Regularised evolution of assignments on shared weights: a rival to compare with.",
})
export type EvolutionSpec = typeof EvolutionSpec.Type

const resolve = ({ norms, ...spec }: EvolutionSpec, steps: number) => {
  const population = spec.population ?? 16
  const tournament = Math.min(8, population)
  return {
    population,
    tournament,
    mutations: 1,
    ...resolvePopulation(spec, steps),
    ...writtenNorms(norms),
  }
}

/** The best of some members drawn without putting back. */
export const winner = (
  members: ReadonlyArray<Member>,
  tournament: number,
  random: Random,
): Member =>
  [...random.permutation(members.length)]
    .slice(0, tournament)
    .map((i) => members[i]!)
    .reduce((best, member) => (estimatedQuality(member) > estimatedQuality(best) ? member : best))

/** Each active decision takes another of its options with the same probability: `mutations` of them on average. */
export const mutate = (
  space: DecisionSpace,
  choices: Choices,
  mutations: number,
  random: Random,
): Choices => {
  const active = activity(space, choices)
  const open = space.decisions.map(({ options }, i) => active[i] === 1 && options.length > 1)
  const probability = mutations / open.filter(Boolean).length
  return choices.map((k, i) => {
    if (!open[i] || random.uniform() >= probability) return k
    const other = random.integer(space.decisions[i]!.options.length - 1)
    return other < k ? other : other + 1
  })
}

export const Evolution = {
  kind: "evolution",
  spec: EvolutionSpec,
  make: (spec, problem) => {
    if (problem.reward === null) throw new Error("a search needs a reward")
    const { population, tournament, mutations, ...settings } = resolve(spec, problem.steps)
    const breed = (members: ReadonlyArray<Member>, random: Random) =>
      mutate(problem.space, winner(members, tournament, random).choices, mutations, random)
    const plan = { ...settings, size: population, breed }
    return makePopulation(plan, { ...problem, reward: problem.reward })
  },
  resolved: (spec, steps) => resolve({ ...usualWide(spec), ...spec }, steps),
  identity: ({ widest, ...spec }) => ({ ...spec, ...writtenWidest(widest) }),
  problems: (spec, _reward, steps) => {
    const settings = resolve(spec, steps)
    const problems = populationProblems(settings, steps, 1)
    return settings.tournament <= settings.population
      ? problems
      : [
          ...problems,
          {
            path: ["search", "tournament"],
            message: `a tournament of ${settings.tournament} needs as many members, and the population is ${settings.population}; a smaller tournament would be right`,
          },
        ]
  },
  unread: () => unreadReward("kind", "beta"),
} as const satisfies SearchKind<EvolutionSpec>
