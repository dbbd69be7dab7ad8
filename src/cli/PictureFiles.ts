/** A picture as the file of `--out`: what it holds follows from how its name ends. */
import { Effect } from "effect"
import type { Picture } from "../picture/Picture.ts"
import { jsonOf, pngOf, svgOf } from "../picture/Render.ts"
import type { Theme } from "../picture/Theme.ts"
import { writeOut } from "./Locations.ts"

/** What `--dark` says. */
export const themeOf = ({ dark }: { readonly dark: boolean }): Theme => (dark ? "dark" : "light")

/** `.png` and `.json`; every other name is an SVG. */
export const writePicture = Effect.fnUntraced(function* (
  file: string,
  picture: Picture,
  theme: Theme,
) {
  const name = file.toLowerCase()
  if (name.endsWith(".json")) return yield* writeOut(file, jsonOf(picture))
  yield* writeOut(
    file,
    yield* Effect.promise((): Promise<string | Uint8Array> =>
      name.endsWith(".png") ? pngOf(picture, theme) : svgOf(picture, theme),
    ),
  )
})
