/**
 * Every metric of a trial: its key, its unit, which way is better, what it is and when it exists. The only table of them.
 *
 * The key is `section/name`, in MLflow, in `result.json`, in `--columns` and `--pareto`, and in docs/method.md, which
 * `npm run schemas` writes this table into. A trial that has no such number leaves the key out. Left out: how a metric is
 * computed (`search/`, `train/`).
 */

/** One metric, without its key. */
interface Row {
  /** Empty where it is a plain number. */
  readonly unit: string
  /** `none`: neither more nor less is better. */
  readonly direction: "max" | "min" | "none"
  readonly words: string
  readonly when: string
}

export interface Metric extends Row {
  readonly key: string
}

const snakeCase = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const section = <Name extends string>(
  name: string,
  rows: Readonly<Record<Name, Row>>,
): Readonly<Record<Name, Metric>> =>
  Object.fromEntries(
    Object.entries<Row>(rows).map(([field, row]) => [
      field,
      { key: `${name}/${snakeCase(field)}`, ...row },
    ]),
  ) as Record<Name, Metric>

const ofWeights = (words: string, when: string) => ({
  loss: { unit: "nats", direction: "min", words, when } as const,
  accuracy: {
    unit: "share",
    direction: "max",
    words: "training images that were classified right",
    when,
  } as const,
})

const always = "always"
const untilChosen = "always; of `sensitivity` once it has chosen"

/** Curves of the weights, phase by phase: the search, and what may follow it. */
export const phases = {
  train: section(
    "train",
    ofWeights(
      "of the assignment trained; noisy while the policy explores, calm once it has committed",
      always,
    ),
  ),
  fineTune: section("fine_tune", ofWeights("of the final assignment", "`finish.fineTune`")),
  retrain: section(
    "retrain",
    ofWeights("of the final assignment, trained from scratch", "`finish.retrain`"),
  ),
}

/** What a tracker counts. */
export const tracked = section("train", {
  nonfiniteCount: {
    unit: "values",
    direction: "min",
    words: "how many values were not finite and are missing from the other curves",
    when: "in MLflow, once there is one",
  },
})

/** What the process of a trial takes of its machine. */
export const system = section("system", {
  cpuPercent: {
    unit: "% of one processor",
    direction: "none",
    words: "what the trial's process used since the last point",
    when: "in MLflow, every 10 s and at the end",
  },
  memoryMegabytes: {
    unit: "MB",
    direction: "min",
    words: "resident memory of the trial's process",
    when: "in MLflow, every 10 s and at the end",
  },
  stepsPerSecond: {
    unit: "1/s",
    direction: "max",
    words: "training steps, averaged over about 10 s",
    when: "in MLflow, every 10 s and at the end",
  },
})

/** Curves of the search, by the names that `SearchMetrics` has for them. */
export const search = section("search", {
  reward: {
    unit: "",
    direction: "max",
    words: "mean of R over the proposals",
    when: "`reinforce`, `random`, `evolution`: while proposals are measured",
  },
  quality: {
    unit: "of the reward's `quality`",
    direction: "max",
    words: "mean over the proposals; rises",
    when: "while proposals are measured: with four or more from the middle of the delay on, else from its end; not once frozen",
  },
  cost: {
    unit: "of the cost",
    direction: "none",
    words: "mean over the proposals; near the most expensive at first, near the target at the end",
    when: always,
  },
  expectedCost: {
    unit: "of the cost",
    direction: "none",
    words: "E[cost] under the policy; reaches the target well before the end",
    when: always,
  },
  baseline: {
    unit: "of the reward",
    direction: "none",
    words: "what qualities (exact cost) or rewards (sampled) are compared with",
    when: "`reinforce`, at every update of the policy",
  },
  advantage: {
    unit: "of the reward",
    direction: "none",
    words: "root mean square of A: the size of what there is to learn from",
    when: "`reinforce`, at every update of the policy",
  },
  entropy: {
    unit: "nats",
    direction: "none",
    words:
      "mean per decision; flat in the delay at ln(options), then falls to 0, most of it in the second half",
    when: untilChosen,
  },
  commitment: {
    unit: "",
    direction: "none",
    words: "c(t): 0, then a rising curve, then 0 once frozen",
    when: always,
  },
  switching: {
    unit: "share",
    direction: "min",
    words: "share of decisions that differ from the step before; falls to 0",
    when: "from the second step on",
  },
  argmaxProbability: {
    unit: "probability",
    direction: "max",
    words: "mean over the most probable options; rises to 1",
    when: untilChosen,
  },
  relaxedBytes: {
    unit: "bytes",
    direction: "min",
    words: "what the roundings kept for the gradient take in one step",
    when: "`differentiable`, while it is relaxed",
  },
})

export const best = section("best", {
  quality: {
    unit: "of the reward's `quality`",
    direction: "max",
    words: "the best single measurement of a proposal; noisy by nature, not a result",
    when: "once a proposal was measured",
  },
})

/** Of a finished trial. */
export const final = section("final", {
  accuracy: {
    unit: "share",
    direction: "max",
    words: "of the frozen network, on the split that `finish.evaluate` names",
    when: always,
  },
  cost: { unit: "of the cost", direction: "min", words: "of the final assignment", when: always },
  costOverTarget: {
    unit: "",
    direction: "none",
    words: "cost of the final assignment over the target; 1 is on target",
    when: always,
  },
  gbops: {
    unit: "10^9 bit operations",
    direction: "min",
    words: "of the final assignment",
    when: always,
  },
  memoryBytes: {
    unit: "bytes",
    direction: "min",
    words: "weights of the final assignment",
    when: always,
  },
  argmaxProbability: {
    unit: "probability",
    direction: "max",
    words: "how sure the policy was",
    when: always,
  },
  switching: {
    unit: "share",
    direction: "min",
    words:
      "mean of `search/switching` over the last 2 % of the steps; 0 when sampling has stopped changing the network",
    when: "two steps or more",
  },
  fineTunedAccuracy: {
    unit: "share",
    direction: "max",
    words: "after `finish.fineTune`, on the same split",
    when: "`finish.fineTune`",
  },
  retrainAccuracy: {
    unit: "share",
    direction: "max",
    words: "of the same assignment trained from scratch, on the same split",
    when: "`finish.retrain`",
  },
  retrainGap: {
    unit: "share",
    direction: "none",
    words:
      "`final/retrain_accuracy` less `final/accuracy`; near 0 when the search's own weights are ready",
    when: "`finish.retrain`",
  },
})

const overLimit = (words: string) =>
  ({
    unit: "",
    direction: "min",
    words: `${words} of the final assignment over its limit; never above 1`,
    when: "`reward.limits` names it, and something was searched",
  }) as const

/** Costs of a finished trial over their limits, by kind. */
export const limits = section("final/limit", {
  gbops: overLimit("bit operations"),
  memory: overLimit("bytes of weights"),
  activationMemory: overLimit("bytes of inputs"),
  latency: overLimit("milliseconds"),
  peakMemory: overLimit("bytes of activations at once"),
})

/** What tables, reports and MLflow work out from a finished trial's layers: no trial records it. */
export const derived = section("final", {
  weightBits: {
    unit: "bits",
    direction: "min",
    words: "mean bits of the weights, each layer weighted by its MACs",
    when: "in tables, reports and MLflow",
  },
  activationBits: {
    unit: "bits",
    direction: "min",
    words: "mean bits of the activations, each layer weighted by its MACs",
    when: "in tables, reports and MLflow",
  },
})

/** All of them, in the order of docs/method.md. */
export const metrics: ReadonlyArray<Metric> = [
  phases.train,
  tracked,
  system,
  search,
  best,
  final,
  limits,
  derived,
  phases.fineTune,
  phases.retrain,
].flatMap((one) => Object.values<Metric>(one))

/** Which way is better; undefined for a key that is no metric, and where neither is. */
export const directionOf = (key: string): "max" | "min" | undefined => {
  const direction = metrics.find((metric) => metric.key === key)?.direction
  return direction === "none" ? undefined : direction
}

/** Under their keys, those that are there. */
export const byKey = <Name extends string>(
  rows: Readonly<Record<Name, Metric>>,
  values: Readonly<Partial<Record<Name, number | undefined>>>,
): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries<Metric>(rows).flatMap(([name, { key }]) => {
      const value = values[name as Name]
      return value === undefined ? [] : [[key, value] as const]
    }),
  )

/** A finished trial by its most telling metrics: accuracy, then costs. */
export const mostTelling: ReadonlyArray<Metric> = [
  final.accuracy,
  final.costOverTarget,
  final.gbops,
]
