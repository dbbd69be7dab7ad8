/**
 * Drawn images of three shapes, one folder per class: what `fliqs init --template own-images` starts with, so that it
 * runs before a person has put their own images in place. Deterministic.
 */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { randomStream, type Random } from "../space/RandomStream.ts"

/** Pixels of a side. */
const size = 48

interface Place {
  readonly x: number
  readonly y: number
  readonly radius: number
}

const points = (corners: ReadonlyArray<readonly [number, number]>): string =>
  `<polygon points="${corners.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(" ")}"/>`

const shapes: Readonly<Record<string, (place: Place) => string>> = {
  circle: ({ radius, x, y }) => `<circle cx="${x}" cy="${y}" r="${radius}"/>`,
  square: ({ radius, x, y }) =>
    points([
      [x - radius, y - radius],
      [x + radius, y - radius],
      [x + radius, y + radius],
      [x - radius, y + radius],
    ]),
  triangle: ({ radius, x, y }) =>
    points([
      [x, y - radius],
      [x + radius, y + radius],
      [x - radius, y + radius],
    ]),
}

const between = (random: Random, low: number, high: number): number =>
  low + (high - low) * random.uniform()

const drawing = (shape: (place: Place) => string, random: Random): string => {
  const radius = between(random, size / 8, size / 4)
  const place = {
    radius,
    x: between(random, radius, size - radius),
    y: between(random, radius, size - radius),
  }
  const hue = between(random, 0, 360).toFixed(0)
  const light = between(random, 15, 45).toFixed(0)
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}">` +
    `<rect width="100%" height="100%" fill="hsl(${hue}, 30%, ${light}%)"/>` +
    `<g fill="hsl(${(Number(hue) + 180) % 360}, 60%, 70%)">${shape(place)}</g></svg>`
  )
}

/**
 * Writes `train/CLASS/N.png` (200 a class) and `test/CLASS/N.png` (60 a class) below a folder. Returns how many images
 * it wrote.
 */
export const writeExampleImages = async (folder: string): Promise<number> => {
  const { default: sharp } = await import("sharp")
  const random = randomStream(1, "example-images")
  let written = 0
  for (const [split, count] of [
    ["train", 200],
    ["test", 60],
  ] as const)
    for (const [name, shape] of Object.entries(shapes)) {
      const place = join(folder, split, name)
      await mkdir(place, { recursive: true })
      for (let i = 0; i < count; i++) {
        const png = await sharp(Buffer.from(drawing(shape, random)))
          .png()
          .toBuffer()
        await writeFile(join(place, `${String(i).padStart(3, "0")}.png`), png)
        written++
      }
    }
  return written
}
