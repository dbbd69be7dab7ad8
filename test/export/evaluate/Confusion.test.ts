import { describe, expect, it } from "vitest"
import {
  accuracyOf,
  countConfusion,
  imagesOf,
  mistakesOf,
  recallsOf,
} from "../../../src/export/evaluate/Confusion.ts"

/** Logits whose largest is at the place, the others falling from the first class on. */
const logits = (places: ReadonlyArray<number>, classes: number): Float32Array =>
  Float32Array.from({ length: places.length * classes }, (_, i) =>
    places[Math.floor(i / classes)] === i % classes ? 10 : -(i % classes),
  )

describe("confusion", () => {
  it("counts a row for each class of images, a column for what they were taken for", () => {
    const counter = countConfusion(3)
    counter.add(logits([0, 1, 1], 3), [0, 0, 1], 3)
    // Of a batch that is not full only the first images count.
    counter.add(logits([2, 1, 0], 3), [0, 1, 2], 2)
    const confusion = counter.result()
    expect(confusion.counts.map((row) => [...row])).toEqual([
      [1, 1, 1],
      [0, 2, 0],
      [0, 0, 0],
    ])
    expect(imagesOf(confusion)).toBe(5)
    expect(accuracyOf(confusion)).toBe(3 / 5)
    expect(recallsOf(confusion, ["cat", "dog", "emu"])).toEqual([
      { name: "cat", images: 3, right: 1, recall: 1 / 3 },
      { name: "dog", images: 2, right: 2, recall: 1 },
      { name: "emu", images: 0, right: 0, recall: undefined },
    ])
    expect(mistakesOf(confusion, 1)).toEqual([{ from: 0, to: 1, images: 1 }])
  })

  it("takes logits that are not finite for wrong, in no column", () => {
    const counter = countConfusion(2)
    counter.add(Float32Array.of(NaN, 1, 3, Infinity, 0, 1), [1, 1, 1], 3)
    const confusion = counter.result()
    expect(confusion.counts.map((row) => [...row])).toEqual([
      [0, 0],
      [0, 1],
    ])
    expect(accuracyOf(confusion)).toBe(1 / 3)
    expect(recallsOf(confusion, ["a", "b"])[1]).toMatchObject({ images: 3, recall: 1 / 3 })
  })

  it("takes the first of equal logits, and knows who is among five", () => {
    const counter = countConfusion(7)
    counter.add(new Float32Array(14), [4, 5], 2)
    const { counts, inFive } = counter.result()
    expect([counts[4]![0], counts[5]![0], inFive]).toEqual([1, 1, 1])
  })
})
