/** docs/gallery.md and its drawings are what the spaces of now give (`npm run gallery` writes them). */
import { readdirSync, readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { gallery } from "../../scripts/gallery.ts"

it("the gallery is current", () => {
  const files = gallery()
  const stale = [...files].filter(([file, text]) => readFileSync(file, "utf8") !== text)
  expect(stale.map(([file]) => file)).toEqual([])
  const drawings = readdirSync("docs/gallery").map((file) => `docs/gallery/${file}`)
  expect(drawings.filter((file) => !files.has(file))).toEqual([])
})
