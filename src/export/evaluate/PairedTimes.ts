/**
 * How long a file takes for an image beside its FP32 twin: both run in turns in one process, batch 1.
 *
 * What a run takes besides the work (the way from JavaScript and back) is measured by an empty file and taken off. Left
 * out: layers (`LayerProfile.ts`).
 */
import { emptyFeeds, emptyFile } from "./EmptyFile.ts"
import { type OnnxSession, openSession } from "./OnnxSession.ts"
import { median, quantile, takeTurns } from "./TimedTurns.ts"

/** A loaded file with the feeds of one image. */
export interface Fed {
  readonly session: OnnxSession
  readonly feeds: Readonly<Record<string, unknown>>
}

export interface PairedTimes {
  readonly rounds: number
  /** Median, milliseconds. */
  readonly ms: number
  readonly twin?: {
    /** Median, milliseconds. */
    readonly ms: number
    /** Median over the rounds of the file's time over the twin's. */
    readonly ratio: number
    /** Half of the rounds have a ratio between these. */
    readonly ratioRange: readonly [number, number]
  }
}

/** Long enough that a collection of garbage now and then does not make a round of its own. */
const burst = { bursts: 1, shortest: 4 }
const fewest = 11
const most = 200
/** Seconds after which no further round begins. */
const enough = 3
/** Milliseconds; below this a time is noise of the subtraction. */
const leastTime = 1e-3

export const timePair = async (file: Fed, twin: Fed | undefined): Promise<PairedTimes> => {
  const empty = await openSession(emptyFile(), { threads: 1 })
  const feeds = emptyFeeds()
  try {
    const turns = await takeTurns(
      [
        () => empty.run(feeds),
        ...[file, ...(twin === undefined ? [] : [twin])].map(
          (each) => () => each.session.run(each.feeds),
        ),
      ],
      burst,
    )
    const start = performance.now()
    let rounds = 0
    while (rounds < fewest || (rounds < most && performance.now() - start < 1e3 * enough)) {
      await turns.round()
      rounds += 1
    }
    const [none, ...others] = turns.times
    const overhead = median(none!)
    const [own = [], float] = others.map((times) =>
      times.map((time) => Math.max(leastTime, time - overhead)),
    )
    if (float === undefined) return { rounds, ms: median(own) }
    const ratios = own.map((time, round) => time / float[round]!)
    return {
      rounds,
      ms: median(own),
      twin: {
        ms: median(float),
        ratio: median(ratios),
        ratioRange: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
      },
    }
  } finally {
    await empty.close()
  }
}
