/** Which differences between a file and the network an export passes with. */
import { expect, it } from "vitest"
import { compare, orders } from "../../src/export/Verify.ts"

const images = 100

/** Logits of three classes, 10 the largest; another order of sums moves those of the images that `moved` names by 0.2. */
const compared = (
  change: (value: number, image: number, c: number) => number,
  { moved = 0, second = 8.5, share }: { moved?: number; second?: number; share?: number } = {},
) => {
  const ours = Float32Array.from({ length: 3 * images }, (_, i) => [10, second, -1][i % 3]!)
  const imageOf = (i: number) => Math.floor(i / 3)
  return compare(
    {
      logits: () => ours,
      inOrder: () => ours.map((value, i) => (imageOf(i) < moved ? value - 0.2 : value)),
      dispose: () => {},
    },
    {
      runtime: "a file",
      logits: async () => ours.map((value, i) => change(value, imageOf(i), i % 3)),
      close: async () => {},
    },
    3,
    [{ images: new Uint8Array(), count: images }],
    share,
  )
}

it("passes where the file differs as the network differs from itself", async () => {
  const verified = await compared((value, image) => (image < 10 ? value + 0.3 : value), {
    moved: 10,
  })
  expect(verified).toMatchObject({ passed: true, images, same: images, ties: 0, beyond: 0 })
  expect(verified.own.largest).toBeCloseTo(0.2)
  expect(verified.own.typical).toBe(0)
  expect([verified.typical, verified.largest, verified.limit]).toEqual([
    0,
    expect.closeTo(0.3),
    expect.closeTo(0.4),
  ])
  expect(verified.bound).toBeCloseTo(1e-3)
})

it("fails where more than one in four differ, though by less than it does now and then", async () => {
  const change = (value: number, image: number) => (image <= 25 ? value + 0.1 : value)
  expect(await compared(change, { moved: 10 })).toMatchObject({ passed: false, same: images })
  expect(await compared(change, { moved: 26 })).toMatchObject({ passed: true })
  // asked for less, whatever the network does
  expect(await compared(change, { moved: 26, share: 0.005 })).toMatchObject({ passed: false })
})

it("lets three in a hundred differ by more than the network ever did, and none by all of its range", async () => {
  const change = (count: number, by: number) => (value: number, image: number) =>
    image < count ? value + by : value
  expect(await compared(change(3, 1))).toMatchObject({ passed: true, beyond: 3 })
  expect(await compared(change(4, 1))).toMatchObject({ passed: false, beyond: 4 })
  expect(await compared(change(1, 11))).toMatchObject({ passed: false, same: images })
})

it("wants the same largest logit where the network's two largest are further apart than it moves", async () => {
  const swapped = (value: number, image: number, c: number, second: number) =>
    image < 1 ? [second, 10, -1][c]! : value
  const with2nd = (second: number, moved: number) =>
    compared((value, image, c) => swapped(value, image, c, second), { moved, second })
  expect(await with2nd(9.7, 10)).toMatchObject({ passed: true, same: images - 1, ties: 1 })
  expect(await with2nd(9.5, 10)).toMatchObject({ passed: false, same: images - 1, ties: 0 })
  // a network that never moves has no ties
  expect(await with2nd(9.9, 0)).toMatchObject({ passed: false, same: images - 1, ties: 0 })
})

it("fails where a logit is no number", async () => {
  const verified = await compared((value, image) => (image === 3 ? Number.NaN : value))
  expect(verified).toMatchObject({ passed: false, same: images - 1, ties: 0 })
  expect(orders).toBeGreaterThan(1)
})
