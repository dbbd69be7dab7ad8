/** Which differences between a file and the network an export passes with. */
import { expect, it } from "vitest"
import { compare } from "../../src/export/Verify.ts"

const images = 40
const compared = (
  change: (value: number, image: number, c: number) => number,
  share?: number,
  second = 8.5,
) => {
  /** Logits of three classes: 10 is the largest. */
  const ours = Float32Array.from({ length: 3 * images }, (_, i) => [10, second, -1][i % 3]!)
  const theirs = ours.map((value, i) => change(value, Math.floor(i / 3), i % 3))
  return compare(
    { logits: () => ours, dispose: () => {} },
    { runtime: "a file", logits: async () => theirs, close: async () => {} },
    3,
    [{ images: new Uint8Array(), count: images }],
    share,
  )
}

it("passes where a few images differ by much, and says by how much", async () => {
  const verified = await compared((value, image) => (image < 10 ? value + 6 : value + 0.4))
  expect(verified).toMatchObject({ passed: true, images, same: images, ties: 0 })
  expect(verified.typical).toBeCloseTo(0.4)
  expect([verified.bound, verified.largest, verified.limit]).toEqual([0.5, 6, 10])
})

it("fails where more than one in four differ by more than the bound", async () => {
  const change = (value: number, image: number) => (image <= 10 ? value + 0.6 : value)
  expect(await compared(change)).toMatchObject({ passed: false, same: images })
  expect(await compared(change, 0.07)).toMatchObject({ passed: true })
})

it("fails where one image differs by more than any may", async () => {
  const verified = await compared((value, image) => (image === 7 ? value + 11 : value))
  expect(verified).toMatchObject({ passed: false, same: images, typical: 0, largest: 11 })
})

it("takes few images whose largest logit is another one as ties, and no more", async () => {
  const swapped = (count: number, second: number) =>
    compared((value, image, c) => (image < count ? [second, 10, -1][c]! : value), undefined, second)
  expect(await swapped(4, 8.5)).toMatchObject({ passed: true, same: images - 4, ties: 4 })
  expect(await swapped(5, 8.5)).toMatchObject({ passed: false, same: images - 5, ties: 5 })
  // the network itself is sure of the first class
  expect(await swapped(1, 7)).toMatchObject({ passed: false, same: images - 1, ties: 0 })
})

it("fails where a logit is no number, on either side", async () => {
  const verified = await compared((value, image) => (image === 3 ? Number.NaN : value))
  expect(verified).toMatchObject({ passed: false, same: images - 1, ties: 1 })
})
