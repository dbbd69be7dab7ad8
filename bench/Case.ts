/**
 * A case of the bench: workers that take turns, and the ratios that matter.
 *
 * In every round each worker runs a few steps, one after the other, so that whatever else the machine does meets all
 * of them; a ratio is the median over the rounds of time by time. Left out: which cases there are (`cases.ts`).
 */
import { type Spread, spread } from "./Statistics.ts"
import { type Command, start, type Worker } from "./Worker.ts"

export interface Contestant {
  readonly name: string
  readonly command: (threads: number) => Command
  /** Threads of this one, where they are not the case's. */
  readonly threads?: number
  /** Instances that run their steps at the same time; the time is that of a step of all together. */
  readonly together?: number
}

/** Time of one over time of another, or one figure in its unit, and the bound that is aimed at. */
export interface Aim {
  readonly of: string
  readonly to?: string
  readonly unit?: string
  readonly atMost?: number
  readonly atLeast?: number
}

export interface Case {
  readonly name: string
  readonly about: string
  readonly needsTorch?: boolean
  readonly run: (settings: Settings) => Promise<Outcome>
}

export interface Settings {
  readonly threads: number
  readonly rounds: number
}

export interface Figure extends Spread {
  readonly name: string
  readonly unit: string
  readonly facts?: Readonly<Record<string, unknown>>
}

export interface Ratio extends Aim, Spread {
  readonly met?: boolean
}

export interface Outcome {
  readonly figures: ReadonlyArray<Figure>
  readonly ratios: ReadonlyArray<Ratio>
  /** Contestants that could not be started, and why. */
  readonly failures: Readonly<Record<string, string>>
}

export const isMet = ({ atMost, atLeast }: Aim, value: number): boolean | undefined =>
  atMost === undefined && atLeast === undefined
    ? undefined
    : value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity)

export const judged = (aim: Aim, values: Spread): Ratio => {
  const met = isMet(aim, values.median)
  return { ...aim, ...values, ...(met === undefined ? {} : { met }) }
}

interface Started {
  readonly name: string
  readonly workers: ReadonlyArray<Worker>
  readonly times: Array<number>
}

/** Several at once do in a step's time what one alone would do in `time / n`. */
const turn = async ({ workers }: Started, steps: number): Promise<number> => {
  const times = await Promise.all(workers.map((worker) => worker.run(steps)))
  return 1 / times.reduce((speed, time) => speed + 1 / time, 0)
}

/** What the peak memory of a contestant is called among the figures. */
export const peakOf = (name: string): string => `${name}, peak memory`

/** Starts all, then lets them take turns; those that do not start are left out. */
export const interleave = async (
  contestants: ReadonlyArray<Contestant>,
  aims: ReadonlyArray<Aim>,
  {
    threads,
    rounds,
    steps,
    memory = false,
  }: Settings & {
    readonly steps: number
    readonly memory?: boolean
  },
): Promise<Outcome> => {
  const started: Array<Started> = []
  const failures: Record<string, string> = {}
  for (const contestant of contestants) {
    const { name, together = 1 } = contestant
    const command = contestant.command(contestant.threads ?? threads)
    try {
      const workers: Array<Worker> = []
      for (let i = 0; i < together; i++) workers.push(await start(command))
      started.push({ name, workers, times: [] })
    } catch (cause) {
      failures[name] = cause instanceof Error ? cause.message : String(cause)
    }
  }
  // The first turns fill caches again that the start of the others has emptied.
  for (const one of started) await turn(one, Math.ceil(steps / 4))
  for (let round = 0; round < rounds; round++)
    for (const one of started) one.times.push(await turn(one, steps))
  const peaks = started.map(({ workers }) =>
    workers.reduce((total, worker) => total + worker.peakMemory(), 0),
  )
  await Promise.all(started.flatMap(({ workers }) => workers.map((worker) => worker.close())))

  const timed = started.map(({ name, times, workers }) => ({
    name,
    unit: "ms",
    ...spread(times),
    facts: workers[0]!.facts,
  }))
  const remembered = started.map(({ name }, i) => ({
    name: peakOf(name),
    unit: "MB",
    ...spread([peaks[i]!]),
  }))
  const valuesOf = new Map<string, ReadonlyArray<number>>([
    ...started.map(({ name, times }) => [name, times] as const),
    ...remembered.map(({ name, median }) => [name, [median]] as const),
  ])
  return {
    failures,
    figures: memory ? [...timed, ...remembered] : timed,
    ratios: aims.flatMap((aim) => {
      const [of, to] = [valuesOf.get(aim.of), valuesOf.get(aim.to ?? "")]
      return of === undefined || to === undefined
        ? []
        : [judged(aim, spread(of.map((time, round) => time / to[round]!)))]
    }),
  }
}
