/** The scales that a finished network keeps, as plain numbers. Left out: how they are measured (`train/Finish.ts`). */

/** What the scales of a finished network are frozen at. */
export interface FrozenScales {
  /** [sites]: magnitudes; of formats with a zero point how far the lowest and the highest value are apart. 0: none. */
  readonly amax: Float32Array
  /** [sites]: codes of 0, read where the format has one and `amax` is above 0. Absent where no format has. */
  readonly zeroPoints?: Float32Array
}
