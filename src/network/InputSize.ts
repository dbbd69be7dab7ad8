/** The size of the images that a network takes: fixed, or one decision over heights, each with its width. */

interface Searched {
  readonly oneOf: ReadonlyArray<number>
}

/** As a space file has it. */
interface Input {
  readonly height: number | Searched
  readonly width: number | "same" | Searched
  readonly channels: number
}

export interface InputSizes {
  /** Option by option; one where the size is fixed. */
  readonly heights: ReadonlyArray<number>
  readonly widths: ReadonlyArray<number>
  readonly channels: number
}

/** The options of the size; `problem`: what is wrong with the width, where it has none for each height. */
export const inputSizes = ({
  channels,
  height,
  width,
}: Input): InputSizes & { readonly problem?: string } => {
  const heights = typeof height === "number" ? [height] : height.oneOf
  const widths = width === "same" ? heights : typeof width === "number" ? [width] : width.oneOf
  if (widths.length === heights.length) return { heights, widths, channels }
  return {
    heights,
    widths: heights,
    channels,
    problem: `has ${widths.length} option${widths.length === 1 ? "" : "s"} beside ${heights.length} of the height; write same, or one width for each height`,
  }
}

/** The images of the data set: those of the largest option. */
export const largestInput = (input: Input) => {
  const { channels, heights, widths } = inputSizes(input)
  return { height: Math.max(...heights), width: Math.max(...widths), channels }
}
