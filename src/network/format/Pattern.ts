/** Patterns over layer paths: `*` matches within one segment, `**` any number of segments, none included. */

const segmentMatcher = (segment: string): RegExp =>
  new RegExp(
    `^${segment
      .split(/\*+/)
      .map((text) => text.replace(/[\\^$.|?+()[\]{}-]/g, "\\$&"))
      .join(".*")}$`,
  )

/** The test of one pattern against a whole layer path. */
export const matcher = (pattern: string): ((path: string) => boolean) => {
  const parts = pattern.split(".").map((s) => (s === "**" ? null : segmentMatcher(s)))
  const matches = (part: number, segments: ReadonlyArray<string>, at: number): boolean => {
    if (part === parts.length) return at === segments.length
    const here = parts[part]!
    if (here === null)
      return (
        matches(part + 1, segments, at) || (at < segments.length && matches(part, segments, at + 1))
      )
    return at < segments.length && here.test(segments[at]!) && matches(part + 1, segments, at + 1)
  }
  return (path) => matches(0, path.split("."), 0)
}
