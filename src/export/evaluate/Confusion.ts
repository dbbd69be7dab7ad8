/** How often each class was taken for each other one. Plain counts; left out: running anything, printing. */

export interface Confusion {
  /** [class of the image][class it was taken for]: images. */
  readonly counts: ReadonlyArray<Int32Array>
  /** Images whose class is among the five largest logits. */
  readonly inFive: number
  /** [class of the image]: images with a logit that is not finite. They count as wrong. */
  readonly invalid: Int32Array
}

export interface ConfusionCounter {
  /** Counts images: logits [count, classes], row-major, and the class of each. */
  readonly add: (logits: Float32Array, labels: ArrayLike<number>, count: number) => void
  readonly result: () => Confusion
}

/** Ties go to the first, as argmax does. */
export const countConfusion = (classes: number): ConfusionCounter => {
  const counts = Array.from({ length: classes }, () => new Int32Array(classes))
  const invalid = new Int32Array(classes)
  let inFive = 0
  return {
    add: (logits, labels, count) => {
      for (let i = 0; i < count; i++) {
        const row = logits.subarray(i * classes, (i + 1) * classes)
        const label = labels[i]!
        if (!row.every(Number.isFinite)) {
          invalid[label]! += 1
          continue
        }
        const own = row[label]!
        counts[label]![row.indexOf(Math.max(...row))]! += 1
        const before = row.reduce(
          (sum, value, c) => (value > own || (value === own && c < label) ? sum + 1 : sum),
          0,
        )
        if (before < 5) inFive += 1
      }
    },
    result: () => ({ counts, inFive, invalid }),
  }
}

const sum = (values: Int32Array): number => values.reduce((a, b) => a + b, 0)

/** Images that were counted. */
export const imagesOf = ({ counts, invalid }: Confusion): number =>
  counts.reduce((all, row) => all + sum(row), sum(invalid))

/** Share of the images that are right, 0 to 1. */
export const accuracyOf = (confusion: Confusion): number =>
  confusion.counts.reduce((right, row, c) => right + row[c]!, 0) / imagesOf(confusion)

export interface ClassRecall {
  readonly name: string
  readonly images: number
  readonly right: number
  /** right / images; undefined for a class without images. */
  readonly recall: number | undefined
}

/** In the order of the classes. */
export const recallsOf = (
  { counts, invalid }: Confusion,
  names: ReadonlyArray<string>,
): ReadonlyArray<ClassRecall> =>
  counts.map((row, c) => {
    const images = sum(row) + invalid[c]!
    const recall = images === 0 ? undefined : row[c]! / images
    return { name: names[c]!, images, right: row[c]!, recall }
  })

export interface Mistake {
  readonly from: number
  readonly to: number
  readonly images: number
}

/** The mistakes made most often, at most `limit`. */
export const mistakesOf = ({ counts }: Confusion, limit: number): ReadonlyArray<Mistake> =>
  counts
    .flatMap((row, from) =>
      [...row].flatMap((images, to) => (from === to || images === 0 ? [] : [{ from, to, images }])),
    )
    .sort((a, b) => b.images - a.images)
    .slice(0, limit)
