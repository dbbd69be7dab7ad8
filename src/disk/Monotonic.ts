/**
 * Time that only goes forward, for how long something took and how long ago something was: the clock of the machine may be
 * set, and a span by it be negative or too long. Left out: times of day, which records and trackers show.
 */
import { Clock, Effect } from "effect"

/** Milliseconds since some moment. */
export const milliseconds: Effect.Effect<number> = Effect.map(
  Clock.monotonicTimeNanos,
  (nanoseconds) => Number(nanoseconds) / 1e6,
)
