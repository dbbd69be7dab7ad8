/** Words of a command line, quoted for a shell: for commands that a person copies from a message. */

const plain = /^[\w@%+:,./-][\w@%+=:,./-]*$/

const escapes: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\\": "\\\\",
  "'": "\\'",
}

/** The word, quoted if a shell would read it otherwise; always on one line (`$'...'` for control characters). */
export const shellWord = (word: string): string => {
  if (plain.test(word)) return word
  if (!/\p{Cc}/u.test(word)) return `'${word.replaceAll("'", `'\\''`)}'`
  const inside = word.replace(
    /[\p{Cc}\\']/gu,
    (character) =>
      escapes[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  )
  return `$'${inside}'`
}

/** A whole command. */
export const shellCommand = (words: ReadonlyArray<string>): string => words.map(shellWord).join(" ")
