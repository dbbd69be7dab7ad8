/**
 * HTML from text: whatever a name or a message holds is shown and never read as markup. Left out: what is on a page.
 */

/** Markup that is known to be sound. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const escaped = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")
    .replaceAll("\0", "\ufffd")

type Part = string | number | Html | undefined | ReadonlyArray<Html>

const textOf = (part: Part): string => {
  if (part === undefined) return ""
  if (part instanceof Html) return part.text
  return typeof part === "object" ? part.map(({ text }) => text).join("") : escaped(String(part))
}

/** A template whose parts are escaped, except those that are markup already. */
export const html = (template: TemplateStringsArray, ...parts: ReadonlyArray<Part>): Html =>
  new Html(template.map((text, i) => text + textOf(parts[i])).join(""))
