/**
 * What a trial needs of the machine that runs it, and how long it may take: `resources` and `timeout` of an experiment. They
 * change where and how long a trial runs and not its result, so they are no part of its id. Left out: what an engine makes of
 * them (`orchestrator/engine/`).
 */
import { Schema } from "effect"
import type { Problem } from "../declaration/Errors.ts"
import { optional } from "../declaration/Field.ts"
import { otherNames, withOtherKeys } from "../declaration/OtherNames.ts"

const units = {
  memory: {
    M: 2 ** 20,
    G: 2 ** 30,
    T: 2 ** 40,
    MiB: 2 ** 20,
    GiB: 2 ** 30,
    TiB: 2 ** 40,
    MB: 1e6,
    GB: 1e9,
    TB: 1e12,
  },
  time: { s: 1, min: 60, h: 3600, d: 86_400 },
} as const

const number = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/

const quantity = (text: string, unit: Readonly<Record<string, number>>): number => {
  const [, value = "", name = ""] = number.exec(text) ?? []
  return Number(value) * (unit[name] ?? Number.NaN)
}

/** Bytes of a text such as `4 GB`. */
export const bytesOf = (text: string): number => quantity(text, units.memory)

/** Seconds of a text such as `90 min`, or `1-12:00:00` as Slurm writes it. */
export const secondsOf = (text: string): number => {
  const [, days = "0", hours, minutes, seconds] =
    /^(?:(\d+)-)?(\d+):(\d{2}):(\d{2})$/.exec(text) ?? []
  if (hours === undefined) return quantity(text, units.time)
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)
}

export const Memory = Schema.String.check(
  Schema.isPattern(/^(?!0+(?:\.0*)? ?[A-Z])\d+(?:\.\d+)? ?(?:[MGT]|[MGT]i?B)$/, {
    expected: "memory with its unit: 512 MB, 4 GB, 4 GiB (4G is 4 GiB, as in Slurm)",
  }),
).annotate({ identifier: "Memory" })

export const Time = Schema.String.check(
  Schema.isPattern(
    /^(?!0+(?:\.0*)? ?[a-z])(?:\d+(?:\.\d+)? ?(?:s|min|h|d)|(?:\d+-)?\d+:[0-5]\d:[0-5]\d)$/,
    { expected: "a time with its unit: 90 min, 2 h, 1.5 d, or 1-12:00:00 as in Slurm" },
  ),
).annotate({ identifier: "Time" })

/** A name that goes to a scheduler as one word. */
const word = (expected: string) =>
  Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9_.:=,+*/-]{0,199}$/, { expected }))

/** Options of `sbatch` that the engine sets itself. */
const ownOptions =
  "array job-name output error requeue no-requeue open-mode signal parsable wait wrap test-only chdir export"

const OwnOption = new RegExp(`^(?:-[aJoeWD]|--(?:${ownOptions.replaceAll(" ", "|")})(?:=|$))`)

export const Resources = withOtherKeys(
  Schema.Struct({
    cpus: optional(
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1024 })),
      "Processors of one trial, 1 to 1024; its threads too where threads is left out. Default: threads, else 1; on this machine a share of its processors.",
      { examples: [4] },
    ),
    memory: optional(
      Memory,
      "Memory of one trial, such as 4 GB. Default: that of the scheduler; on this machine 1.5 GB when it counts how many trials have room.",
      { examples: ["4 GB"] },
    ),
    time: optional(
      Time,
      "Time limit of one job, such as 2 h. A trial that needs longer saves before the limit and goes on in the next job. Default: that of the scheduler.",
      { examples: ["2 h"] },
    ),
    partition: optional(
      word("the name of a partition"),
      "Slurm partition. Default: that of the scheduler.",
      { examples: ["cpu"] },
    ),
    gres: optional(
      word("generic resources as in Slurm, such as gpu:1"),
      "Slurm generic resources. Default: none.",
      { examples: ["gpu:1"] },
    ),
    account: optional(
      word("the name of an account"),
      "Slurm account that is charged. Default: that of the user.",
      { examples: ["lab"] },
    ),
    extra: optional(
      Schema.Array(
        Schema.String.check(
          Schema.isPattern(/^--?[A-Za-z][^\p{Cc}]{0,499}$/u, {
            expected: "an option of sbatch in one word, such as --constraint=avx2",
          }),
        ),
      ).check(Schema.isMaxLength(50)),
      "More options for sbatch, each in one word. Default: none.",
      { examples: [["--constraint=avx2"]] },
    ),
  }).annotate({ identifier: "Resources" }),
  otherNames({
    what: "key",
    say: {
      "it is cpus here": "cpu cores ncpus cpusPerTask cpus-per-task",
      "it is memory here": "mem ram memoryPerNode mem-per-cpu",
      "it is time here, the limit of one job; timeout beside resources ends a trial":
        "walltime timeLimit time-limit limit",
      "it is gres: gpu:1 here": "gpu gpus",
      "it is partition here": "queue",
      "it is extra here, a list of options": "options args sbatch",
    },
  }),
)
export type Resources = typeof Resources.Type

/** What is wrong with resources beyond their shape, by paths into them. */
export const resourceProblems = ({ extra = [] }: Resources): ReadonlyArray<Problem> =>
  extra.flatMap((option, i) =>
    OwnOption.test(option)
      ? [
          {
            path: ["extra", i],
            message: `${option}: run --on slurm sets this option itself; leave it out`,
          },
        ]
      : [],
  )
