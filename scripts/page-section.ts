/** A part of a page that a program writes, between two comments that say so. */
export interface PageSection {
  readonly begin: string
  readonly end: string
}

/** The page with other text in the section. Throws where the page has no such section. */
export const withSection = (page: string, { begin, end }: PageSection, text: string): string => {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`the page has no place for ${begin.trim()}`)
  return `${page.slice(0, from)}${begin}\n${text}\n${page.slice(to)}`
}
