/** The choice of folders that a trial writes out, so that its id says which images it has. */
import type { Choice, Layout } from "./ImageLayout.ts"

/** The test folder that stood for `layout` before `valid`, `dev`, other cases of letters and `test:` were known. */
const firstTest = (folders: ReadonlyArray<string>): string | undefined =>
  ["test", "val", "validation"].find((name) => folders.includes(name))

/**
 * What a trial must say of its folders so that its id tells it from trials of the same words that had other images: those
 * from when only `test`, `val` and `validation` were known, and held-out images always came out of the train split.
 */
export const explicitChoice = (layout: Layout, choice: Choice): Omit<Choice, "links"> => {
  const { heldOut, test, train, unused, others } = layout
  if (train === undefined) return {}
  const folders = [test, heldOut, ...unused, ...others].filter((name) => name !== undefined)
  return {
    ...(test === undefined || (train === "train" && test === firstTest(folders)) ? {} : { test }),
    ...(heldOut !== undefined
      ? { heldOutFrom: heldOut }
      : choice.heldOutFrom === undefined
        ? {}
        : { heldOutFrom: "train" }),
  }
}
