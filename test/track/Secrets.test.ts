/** Secrets are taken out of texts in every spelling in which programs write them, and nothing else is. */
import { describe, expect, it } from "vitest"
import { makeScrub, scrub, secretsOf } from "../../src/track/Secrets.ts"

const secrets = [
  "c4nary/p4ss word+1",
  "c4naryT0ken==",
  `q"uo'te<&>\\n[x]`,
  "pässwörd-€-😀",
  "100%41#?;=",
  "line\nbreak\ttab",
]

const hex = (code: number, width: number) => code.toString(16).padStart(width, "0")
const units = (text: string) => Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))
const bytes = (text: string) => [...Buffer.from(text)]
const form = (text: string) => new URLSearchParams({ "": text }).toString().slice(1)
const html = (text: string) =>
  text.replace(/[&<>"'/]/g, (sign) => `&#x${sign.charCodeAt(0).toString(16)};`)

const spellings: Readonly<Record<string, (text: string) => string>> = {
  "as it is": (text) => text,
  "percent-encoded": encodeURIComponent,
  "percent-encoded in lower case": (text) =>
    encodeURIComponent(text).replace(/%../g, (code) => code.toLowerCase()),
  "percent-encoded with / left": (text) => encodeURIComponent(text).replaceAll("%2F", "/"),
  "percent-encoded, every byte": (text) =>
    bytes(text)
      .map((byte) => `%${hex(byte, 2)}`)
      .join(""),
  "encoded as a whole address": encodeURI,
  "percent-encoded twice": (text) => encodeURIComponent(encodeURIComponent(text)),
  "percent-encoded three times": (text) =>
    encodeURIComponent(encodeURIComponent(encodeURIComponent(text))),
  "as a form, + for a space": form,
  "as a form in lower case": (text) => form(text).replace(/%../g, (code) => code.toLowerCase()),
  "HTML, named": (text) =>
    text
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("'", "&#39;"),
  "HTML, names of punctuation": (text) =>
    text
      .replaceAll("&", "&amp;")
      .replaceAll("/", "&sol;")
      .replaceAll("+", "&plus;")
      .replaceAll("=", "&equals;"),
  "HTML, hexadecimal": html,
  "HTML, decimal, every character": (text) =>
    [...text].map((sign) => `&#${sign.codePointAt(0)};`).join(""),
  "HTML twice": (text) => html(html(text)),
  JSON: (text) => JSON.stringify(text).slice(1, -1),
  "JSON in JSON": (text) => JSON.stringify(JSON.stringify(text)).slice(3, -3),
  "JSON, every character": (text) =>
    units(text)
      .map((unit) => `\\u${hex(unit, 4)}`)
      .join(""),
  "JSON, ASCII only, in upper case": (text) =>
    units(text)
      .map((unit) =>
        unit > 126 || unit < 32 || unit === 34 || unit === 92 || unit === 47
          ? `\\u${hex(unit, 4).toUpperCase()}`
          : String.fromCharCode(unit),
      )
      .join(""),
  "JSON with \\/": (text) => JSON.stringify(text).slice(1, -1).replaceAll("/", "\\/"),
  "Python's repr": (text) =>
    JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'"),
  "Python's bytes": (text) =>
    bytes(text.replaceAll("\\", "\\\\").replaceAll("'", "\\'"))
      .map((byte) => (byte > 126 || byte < 32 ? `\\x${hex(byte, 2)}` : String.fromCharCode(byte)))
      .join(""),
  "percent-encoded, what looks encoded left": (text) =>
    encodeURIComponent(text).replace(/%25(?=[0-9A-F]{2})/g, "%"),
  "escaped, the backslashes left": (text) =>
    text.replace(/["'\n\t]/g, (sign) => `\\${{ "\n": "n", "\t": "t" }[sign] ?? sign}`),
  base64: (text) => Buffer.from(text).toString("base64"),
  base64url: (text) => Buffer.from(text).toString("base64url"),
  "base64 of user:secret": (text) => Buffer.from(`ann:${text}`).toString("base64"),
  "base64 with something before and behind": (text) =>
    Buffer.from(`{"a":"${text}","b":1}`).toString("base64"),
  "base64 of Latin-1": (text) => Buffer.from(text, "latin1").toString("base64"),
  "base64, percent-encoded": (text) => encodeURIComponent(Buffer.from(text).toString("base64")),
  "HTML in JSON": (text) => JSON.stringify(html(text)).slice(1, -1),
  "percent-encoding in HTML in JSON": (text) =>
    JSON.stringify(html(encodeURIComponent(text))).slice(1, -1),
}

/** Python escapes bytes of UTF-8 one by one: only ASCII is then the secret itself. */
const isAscii = (text: string) => /^[\0-\x7f]*$/.test(text)
const cases = Object.entries(spellings).flatMap(([how, spell]) =>
  secrets
    .filter((secret) => isAscii(secret) || !/bytes|Latin/.test(how))
    .map((secret) => ({ how, secret, spelled: spell(secret) })),
)

describe("a secret", () => {
  it.each(cases)("$how: $secret", ({ secret, spelled }) => {
    const clean = makeScrub(secrets)
    const around = `before "${spelled}" behind`
    const found = clean(around)
    expect(found).toMatch(/^before ".*<redacted>.*" behind$/s)
    expect(found).not.toContain(spelled)
    expect(found).not.toContain(secret)
    // Nothing of it is left: at most the beginning of what stood before it in the same base64.
    expect(found.length).toBeLessThan(around.length + 10)
  })

  it("is found twice, beside another, and at both ends", () => {
    const clean = makeScrub(["abcd", "abcdef", "xyz9"])
    expect(clean("abcdef xyz9abcd abcd")).toBe("<redacted> <redacted><redacted> <redacted>")
  })

  it("is found anywhere in a long text, also across the ends of what is searched at once", () => {
    const clean = makeScrub(["c4nary/p4ss word+1"])
    const spelled = "c4nary%2fp4ss+word%2B1"
    for (const before of [0, 49_140, 49_152, 65_520, 65_530, 65_536, 200_000]) {
      const text = `${"x".repeat(before)}${spelled}${"y".repeat(70_000)}`
      expect(clean(text)).toBe(`${"x".repeat(before)}<redacted>${"y".repeat(70_000)}`)
    }
  })

  it("that is empty or missing takes nothing out", () => {
    const text = "a b %41 &amp; \\n c%2 100% &foo; \\ud83d http://h/p?q#f"
    expect(makeScrub([])(text)).toBe(text)
    expect(makeScrub(["", "nowhere"])(text)).toBe(text)
  })
})

describe("user and password of an address", () => {
  it.each([
    ["http://ann:pw@host/x", "http://<redacted>@host/x"],
    ["see https://T0KEN@h:1, or", "see https://<redacted>@h:1, or"],
    ["postgresql+psycopg2://u:p@ss@h/db", "postgresql+psycopg2://<redacted>@h/db"],
    ["http://host/a@b", "http://host/a@b"],
    ["ann@host", "ann@host"],
  ])("%s", (text, clean) => expect(makeScrub([])(text)).toBe(clean))
})

describe("the secrets of an environment", () => {
  it.each([
    ["a password", { MLFLOW_TRACKING_PASSWORD: "pw" }, ["pw"]],
    [
      "a token, with and without the line break behind it",
      { MLFLOW_TRACKING_TOKEN: "t\n" },
      ["t\n", "t"],
    ],
    [
      "the address",
      { MLFLOW_TRACKING_URI: "http://a:p%40q@h" },
      ["p%40q", "p@q", "a:p%40q", "a:p@q"],
    ],
    ["an address without a scheme", { MLFLOW_TRACKING_URI: "a:pq@h:1" }, ["pq", "a:pq"]],
    ["an address that is none", { MLFLOW_TRACKING_URI: "http://a:p/q@h" }, ["p/q", "a:p/q"]],
    ["a token in the address", { MLFLOW_TRACKING_URI: "https://tok@h" }, ["tok"]],
    ["a database", { MLFLOW_TRACKING_URI: "mysql://a:pq@h/db" }, ["pq", "a:pq"]],
    ["a proxy", { HTTPS_PROXY: "http://a:px@h:1" }, ["px", "a:px"]],
    ["a proxy in lower case", { all_proxy: "a:px@h:1" }, ["px", "a:px"]],
    ["nothing", { HOME: "/h", PATH: "/p", MLFLOW_TRACKING_URI: "http://h" }, []],
  ])("%s", (_, environment: Record<string, string>, found) => {
    expect(new Set(secretsOf(environment).filter((one) => one !== ""))).toEqual(new Set(found))
  })

  it("of this process are known at once, those long enough to be no word", () => {
    process.env["MLFLOW_TRACKING_TOKEN"] = "t0ken"
    try {
      expect(scrub("a t0ken b")).toBe("a <redacted> b")
      process.env["MLFLOW_TRACKING_TOKEN"] = "INT"
      expect(scrub("t0ken INT4")).toBe("t0ken INT4")
    } finally {
      delete process.env["MLFLOW_TRACKING_TOKEN"]
    }
  })
})
