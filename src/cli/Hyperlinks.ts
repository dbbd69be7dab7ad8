/**
 * Addresses as hyperlinks of the terminal (OSC 8), where it has them: a long address would break over several lines, of which
 * none can be clicked. Elsewhere the address itself. Left out: which addresses there are (`track/Links.ts`).
 */
import stringWidth from "fast-string-width"

type Stream = Pick<NodeJS.WriteStream, "columns" | "isTTY">

const programs = new Set([
  "iTerm.app",
  "WezTerm",
  "vscode",
  "ghostty",
  "Hyper",
  "rio",
  "zed",
  "Tabby",
])
const terminals = /^(xterm-kitty|xterm-ghostty|alacritty|foot|contour|wezterm|rio)/
/** Set by terminals that have hyperlinks. */
const marks = ["WT_SESSION", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "DOMTERM", "WEZTERM_PANE"]
/** Of the library that GNOME's terminals and others are made of; 0.50.0 crashed. */
const leastVte = 5001

/** Whether this terminal is known to have hyperlinks; `FORCE_HYPERLINK` set to 1 or 0 says so. */
export const hasHyperlinks = (stream: Pick<Stream, "isTTY">, env = process.env): boolean => {
  const { FORCE_HYPERLINK: forced = "", NO_COLOR = "", TERM = "", TERM_PROGRAM = "" } = env
  if (!stream.isTTY || NO_COLOR !== "" || TERM === "dumb") return false
  if (forced !== "") return forced !== "0"
  // What stands between may know none, whatever terminal is behind it.
  if (/^(screen|tmux)/.test(TERM) || env["CI"] !== undefined) return false
  return (
    programs.has(TERM_PROGRAM) ||
    terminals.test(TERM) ||
    Number(env["VTE_VERSION"] ?? 0) >= leastVte ||
    marks.some((name) => (env[name] ?? "") !== "")
  )
}

const escape = "\u001b]8;;"
const end = "\u001b\\"
const made = new Set<string>()

/** The parts of a text, those hyperlinks among them that this process has made: every second one. */
export const splitAtLinks = (text: string): ReadonlyArray<string> =>
  text.split(/(\u001b\]8;;[^\u001b]*\u001b\\[^\u001b]*\u001b\]8;;\u001b\\)/).reduce<Array<string>>(
    (parts, part, i) => {
      if (i % 2 === 1 && made.has(part)) parts.push(part, "")
      else parts[parts.length - 1] += part
      return parts
    },
    [""],
  )

/**
 * An address to print on this stream. `words` stand for one that does not fit into the line beside `indent` columns of other
 * text.
 */
export const hyperlink = (
  url: string,
  words: string,
  stream: Stream = process.stdout,
  indent = 0,
): string => {
  if (!hasHyperlinks(stream) || !/^https?:\/\/[!-~]+$/.test(url)) return url
  const room = (stream.columns || 80) - indent
  const text = stringWidth(url) <= room ? url : words.replace(/[\p{Cc}]/gu, "\ufffd")
  const link = `${escape}${url}${end}${text}${escape}${end}`
  made.add(link)
  return link
}
