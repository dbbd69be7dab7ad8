/**
 * Passwords and tokens taken out of texts, however they are spelled: plain, percent-encoded in either case and with any
 * set of characters left as they are, `+` for a space, HTML entities, JSON and Python escapes, base64 at any offset, and
 * up to three of these on top of each other. Every way out of the program passes through here: the terminal, logs, spools,
 * results, errors.
 *
 * A text is searched as it stands and as each decoder reads it. Every decoded character remembers where in the text it
 * came from, so what is found in a decoded text is taken out of the original.
 *
 * Left out: where the secrets come from but the environment (`TrackingSettings.ts`).
 */

const mark = "<redacted>"
const maxDepth = 3
/** A secret is found when its spelling in the text is no longer than this. */
export const longestSpelling = 1 << 14
/** Texts are searched in windows of this many characters, which overlap by the longest spelling. */
const windowLength = 1 << 16

/** A text as a decoder reads it: character `i` stands for the original from `from[i]` to `to[i]`. */
interface Reading {
  readonly text: string
  readonly from: ReadonlyArray<number>
  readonly to: ReadonlyArray<number>
}

interface Range {
  readonly from: number
  readonly to: number
}

/** Reads one way of writing characters: what matches `pattern` is `decode`d, the rest stays. */
interface Decoder {
  readonly pattern: RegExp
  readonly decode: (found: RegExpExecArray) => string
}

/** A character of ASCII alone, others in runs: only together are their bytes characters. */
const percentPattern = /%u[0-9a-f]{4}|%[0-7][0-9a-f]|(?:%[89a-f][0-9a-f])+/gi

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** What a run of `%XX` means; bytes that are not UTF-8 are Latin-1, as old encoders write them. */
const percentRun = (run: string): string => {
  if (/^%u/i.test(run)) return String.fromCharCode(Number.parseInt(run.slice(2), 16))
  const bytes = Buffer.from(run.replaceAll("%", ""), "hex")
  try {
    return utf8.decode(bytes)
  } catch {
    return bytes.toString("latin1")
  }
}

/** The named entities of ASCII. */
const entities: Readonly<Record<string, string>> = Object.fromEntries(
  `amp & apos ' ast * bsol \\ colon : comma , commat @ dollar $ equals = excl ! grave \` gt > hat ^ lbrace { lbrack [
   lcub { lowbar _ lpar ( lsqb [ lt < num # percnt % period . plus + quest ? quot " rbrace } rbrack ] rcub } rpar )
   rsqb ] semi ; sol / verbar | vert |`
    .split(/\s+/)
    .flatMap((word, i, words) => (i % 2 === 0 ? [[word, words[i + 1]!]] : [])),
)

const escapes: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
}

const fromHex = (digits: string): string => fromCode(Number.parseInt(digits, 16))
const fromCode = (code: number): string => (code <= 0x10ffff ? String.fromCodePoint(code) : "")

const decoders: ReadonlyArray<Decoder> = [
  { pattern: percentPattern, decode: ([run]) => percentRun(run) },
  {
    pattern: new RegExp(`\\+|${percentPattern.source}`, "gi"),
    decode: ([run]) => (run === "+" ? " " : percentRun(run)),
  },
  {
    pattern: /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,7})(?=;));?/gi,
    decode: ([entity, decimal, hex, name]) => {
      if (decimal !== undefined) return fromCode(Number(decimal))
      return hex === undefined ? (entities[name!.toLowerCase()] ?? entity) : fromHex(hex)
    },
  },
  {
    pattern:
      /\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|U([0-9A-Fa-f]{8})|([^]))/g,
    decode: ([, braced, four, two, eight, one]) =>
      one === undefined ? fromHex((braced ?? four ?? two ?? eight)!) : (escapes[one] ?? one),
  },
]

/** The text as it stands, `start` characters into the original. */
const readingOf = (text: string, start = 0): Reading => ({
  text,
  from: Array.from({ length: text.length }, (_, i) => start + i),
  to: Array.from({ length: text.length }, (_, i) => start + i + 1),
})

/** What a decoder makes of a reading; undefined when there is nothing for it to decode. */
const decoded = (reading: Reading, { pattern, decode }: Decoder): Reading | undefined => {
  const { text } = reading
  let next = ""
  const from: Array<number> = []
  const to: Array<number> = []
  let at = 0
  const keep = (until: number) => {
    next += text.slice(at, until)
    for (let i = at; i < until; i++) {
      from.push(reading.from[i]!)
      to.push(reading.to[i]!)
    }
  }
  for (const found of text.matchAll(pattern)) {
    keep(found.index)
    at = found.index + found[0].length
    const meaning = decode(found)
    next += meaning
    for (let i = 0; i < meaning.length; i++) {
      from.push(reading.from[found.index]!)
      to.push(reading.to[at - 1]!)
    }
  }
  keep(text.length)
  return next === text ? undefined : { text: next, from, to }
}

/** What is looked for: a secret, or its base64, which may begin and end in the middle of a longer one. */
interface Needle {
  readonly text: string
  readonly isBase64: boolean
}

/** The least length of a part of base64 that is looked for: shorter ones are found by chance. */
const minPart = 8

/** The base64 of a secret whole, and the part of it that stays when `before` bytes stand before it and any behind. */
const base64Of = (bytes: Buffer): ReadonlyArray<string> => {
  const parts = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .slice(Math.ceil((8 * before) / 6), Math.floor((8 * (before + bytes.length)) / 6)),
  )
  const whole = bytes.toString("base64").replace(/=+$/, "")
  return [whole, ...parts.filter((part) => part.length >= minPart)]
}

const needlesOf = (secret: string): ReadonlyArray<Needle> => {
  const base64 = [Buffer.from(secret, "utf8"), Buffer.from(secret, "latin1")].flatMap(base64Of)
  const spellings = base64.flatMap((text) => [text, text.replaceAll("+", "-").replaceAll("/", "_")])
  // Who encodes some characters only leaves those of the secret that look encoded already: they are decoded with the rest.
  const read = decoders.map((decoder) => decoded(readingOf(secret), decoder)?.text ?? secret)
  return [
    ...[...new Set([secret, ...read])].map((text) => ({ text, isBase64: false })),
    ...[...new Set(spellings)].map((text) => ({ text, isBase64: true })),
  ]
}

const isBase64Character = (text: string | undefined): boolean =>
  text !== undefined && /[\w+/=-]/.test(text)

/** Where the needles are in a reading, as ranges of the original. */
const search = (
  reading: Reading,
  needles: ReadonlyArray<Needle>,
  depth: number,
  found: Array<Range>,
): void => {
  const { text, from, to } = reading
  for (const needle of needles) {
    const { length } = needle.text
    for (let at = text.indexOf(needle.text); at >= 0; at = text.indexOf(needle.text, at + length)) {
      let [first, last] = [at, at + length - 1]
      // Characters at the ends hold bits of the secret too.
      if (needle.isBase64) {
        if (isBase64Character(text[first - 1])) first -= 1
        for (let i = 0; i < 3 && isBase64Character(text[last + 1]); i++) last += 1
      }
      found.push({ from: from[first]!, to: to[last]! })
    }
  }
  if (depth === maxDepth) return
  for (const decoder of decoders) {
    const next = decoded(reading, decoder)
    if (next !== undefined) search(next, needles, depth + 1, found)
  }
}

const find = (text: string, needles: ReadonlyArray<Needle>): ReadonlyArray<Range> => {
  const found: Array<Range> = []
  for (let start = 0; start < text.length; start += windowLength - longestSpelling) {
    search(readingOf(text.slice(start, start + windowLength), start), needles, 0, found)
  }
  return found.sort((a, b) => a.from - b.from)
}

/** User and password of an address, whoever's they are. */
const userInfo = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'<>]+@/gi

/** A text without secrets. */
export type Scrub = (text: string) => string

/** The function that takes these secrets, and what stands before the `@` of any address, out of a text. */
export const makeScrub = (secrets: Iterable<string>): Scrub => {
  const needles = [...new Set(secrets)].filter((secret) => secret !== "").flatMap(needlesOf)
  return (text) => {
    let clean = ""
    let at = 0
    for (const { from, to } of needles.length === 0 ? [] : find(text, needles)) {
      if (to <= at) continue
      if (from >= at) clean += text.slice(at, from) + mark
      at = to
    }
    return (clean + text.slice(at)).replace(userInfo, `$1${mark}@`)
  }
}

/** The text decoded, or as it is where it is no percent-encoding. */
export const decodePercent = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** User and password of an address that need not be one, as they were written. */
const userInfoOf = (address: string): { readonly username: string; readonly password: string } => {
  const rest = address.trim().replace(/^[a-z][\w+.-]*:\/\//i, "")
  // A password in which `/` was left as it is makes no address, and is a password all the same.
  const userInfo = (/^([^/?#]*)@/.exec(rest) ?? /^(.*)@/.exec(rest))?.[1] ?? ""
  const colon = userInfo.indexOf(":")
  return colon < 0
    ? { username: userInfo, password: "" }
    : { username: userInfo.slice(0, colon), password: userInfo.slice(colon + 1) }
}

/** What is secret in an address: the password, else a user without one, which is a token. */
export const secretsOfAddress = (address: string): ReadonlyArray<string> => {
  const { username, password } = userInfoOf(address)
  const secrets = password === "" ? [username] : [password, `${username}:${password}`]
  return secrets.flatMap((secret) => [secret, decodePercent(secret)])
}

const addresses = /^(MLFLOW_TRACKING_URI|(HTTPS?|ALL)_PROXY)$/i
const words = /^MLFLOW_TRACKING_(PASSWORD|TOKEN)$/

/** Every secret of the environment that fliqs uses. */
export const secretsOf = (
  environment: Readonly<Record<string, string | undefined>>,
): ReadonlyArray<string> =>
  Object.entries(environment).flatMap(([name, value = ""]) => {
    if (addresses.test(name)) return secretsOfAddress(value)
    return words.test(name) ? [value, value.trim()] : []
  })

/** Shorter ones are part of so many words that taking them out would leave nothing to read. */
const minLength = 4

let known: { readonly key: string; readonly scrub: Scrub } | undefined

/** Takes the secrets that this process's environment has now out of texts; looking for them takes longer than a text. */
const scrubNow = (): Scrub => {
  const secrets = secretsOf(process.env).filter((secret) => secret.length >= minLength)
  const key = secrets.join("\0")
  if (known?.key !== key) known = { key, scrub: makeScrub(secrets) }
  return known.scrub
}

/** The text without the secrets of this process's environment: for every text that leaves it. */
export const scrub: Scrub = (text) => scrubNow()(text)

/** For one `JSON.stringify`: every text inside the value without secrets; keys are ours. */
export const scrubValues = (): ((key: string, value: unknown) => unknown) => {
  const clean = scrubNow()
  return (_key, value) => (typeof value === "string" ? clean(value) : value)
}
