/**
 * Times of several programs that take turns, so that whatever else the machine does meets all of them alike.
 *
 * Each round every program runs a burst, in another order each time; a time is the mean over a burst, or over the fastest
 * of several. Left out: what runs.
 */

export interface Turns {
  /** One more time of every program. */
  readonly round: () => Promise<void>
  /** Milliseconds by program, then by round. */
  readonly times: ReadonlyArray<ReadonlyArray<number>>
}

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

/** The value below which this share of the values lies, between two of them by a straight line. */
export const quantile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const place = share * (sorted.length - 1)
  const below = Math.floor(place)
  const [low, high] = [sorted[below]!, sorted[Math.ceil(place)]!]
  return low + (high - low) * (place - below)
}

interface Program {
  readonly run: () => Promise<unknown>
  /** Runs in a burst. */
  count: number
  readonly times: Array<number>
}

export interface Burst {
  /** Bursts of a program in a round, of which the fastest counts. */
  readonly bursts: number
  /** Milliseconds that a burst lasts at least: the clock counts in microseconds. */
  readonly shortest: number
}

/** Warms programs up. */
export const takeTurns = async (
  runs: ReadonlyArray<() => Promise<unknown>>,
  { bursts, shortest }: Burst,
): Promise<Turns> => {
  const time = async ({ count, run }: Program): Promise<number> => {
    let fastest = Infinity
    for (let burst = 0; burst < bursts; burst++) {
      const start = performance.now()
      for (let i = 0; i < count; i++) await run()
      fastest = Math.min(fastest, (performance.now() - start) / count)
    }
    return fastest
  }
  const programs = runs.map((run): Program => ({ run, count: 1, times: [] }))
  for (const program of programs) {
    // The first runs fill the caches; those after them say how many fill a burst.
    for (let i = 0; i < 3; i++) await program.run()
    program.count = Math.max(1, Math.ceil(shortest / (await time(program))))
  }
  let rounds = 0
  return {
    times: programs.map(({ times }) => times),
    round: async () => {
      // Each round begins elsewhere and turns around, so that no program always follows the same neighbour.
      const start =
        Math.floor((rounds * programs.length * (Math.sqrt(5) - 1)) / 2) % programs.length
      const order = [...programs.slice(start), ...programs.slice(0, start)]
      if (rounds++ % 2 === 1) order.reverse()
      for (const program of order) program.times.push(await time(program))
    },
  }
}
