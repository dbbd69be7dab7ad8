/** Folders of real image files, written by sharp: each class has its colour, each image its shade and its size. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import { onTestFinished } from "vitest"

/** A folder that is gone after the test. */
export const temporary = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "fliqs-images-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const colours = [
  { r: 200, g: 30, b: 30 },
  { r: 30, g: 200, b: 30 },
  { r: 30, g: 30, b: 200 },
] as const

/** A colour with noise, so that every crop of it is another. */
export const image = (label: number, index: number) => {
  const [width, height] = [20 + (index % 7), 18 + (index % 5)]
  const { r, g, b } = colours[label % 3]!
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const noise = ((i * 2654435761 + index * 97) >>> 24) & 31
    return [r, g, b][i % 3]! + noise - (index % 11)
  })
  return sharp(data, { raw: { width, height, channels: 3 } })
}

/** Writes `counts[label]` images of each class into `folder`/c0, c1, ...; every third one is a JPEG. */
export const writeClasses = async (
  folder: string,
  counts: ReadonlyArray<number>,
): Promise<void> => {
  for (const [label, count] of counts.entries()) {
    const own = join(folder, `c${label}`)
    mkdirSync(own, { recursive: true })
    for (let i = 0; i < count; i++) {
      const bytes = i % 3 === 2 ? image(label, i).jpeg() : image(label, i).png()
      const name = `${String(i).padStart(3, "0")}.${i % 3 === 2 ? "jpg" : "png"}`
      writeFileSync(join(own, name), await bytes.toBuffer())
    }
  }
}
