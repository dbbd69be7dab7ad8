/** A picture of a study: every arm with the accuracy of its seeds and their mean; beside it what its networks cost. */
import type { Picture } from "../../src/picture/Picture.ts"
import { seedsPicture } from "../../src/picture/SeedsPicture.ts"
import { isSearching } from "../../src/search/Searches.ts"
import { accuraciesOf, type Arm, costOf } from "./Study.ts"

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((a, b) => a + b, 0) / values.length

export const studyPicture = (arms: ReadonlyArray<Arm>, title: string): Picture =>
  seedsPicture({
    title,
    x: { title: "accuracy (%)", format: "percent" },
    noteTitle: "cost",
    arms: arms.map((arm) => {
      const { finished, name } = arm
      const values = accuraciesOf(finished)
      const isSearch = finished.some(({ parameters }) => isSearching(parameters["search.kind"]))
      return {
        name,
        role: isSearch ? "search" : "uniform",
        ...(values.length === 0 ? {} : { mean: mean(values) }),
        values: finished.flatMap((line) =>
          accuraciesOf([line]).map((value) => ({ name: `seed ${line.seed}`, value })),
        ),
        note: values.length === 0 ? "" : String(Number(costOf(arm).toPrecision(4))),
      }
    }),
  })
