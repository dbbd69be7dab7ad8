/**
 * The scripts, the style and the font that the report carries in itself: Vega, Vega-Lite, the interpreter that lets them
 * run where no code may be made of text, and the page's own. Each script is named by its hash in the page's policy, so
 * that a browser runs these and nothing else, and asks no network for anything.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { root } from "../disk/Installation.ts"
import { fontFaces } from "../picture/Render.ts"

const require = createRequire(import.meta.url)

/** A file of a package, beside the module that its name stands for. */
const packaged = (name: string, file: string): string =>
  readFileSync(join(dirname(require.resolve(name)), file), "utf8")

/** The module of the interpreter as a script: what it imports is in Vega, what it exports goes to the window. */
const interpreter = (): string => {
  const module = packaged("vega-interpreter", "vega-interpreter.js")
  const begun = module.replace(/^import (\{[^}]*\}) from ['"]vega-util['"];?/m, "const $1 = vega;")
  const ended = begun.replace(
    /^export \{ (\w+) as expressionInterpreter \};?/m,
    "window.fliqsInterpreter = $1;",
  )
  if (begun === module || ended === begun)
    throw new Error("vega-interpreter is built otherwise than it was: src/report/ReportScripts.ts")
  return `(() => {\n${ended}\n})()`
}

/** Text that ends no script early, and that a browser hashes as it stands. */
const inScript = (text: string): string =>
  text
    .replace(/^\/\/# sourceMappingURL=.*$/gm, "")
    .replaceAll("</script", String.raw`<\/script`)
    .replaceAll("<!--", String.raw`<\!--`)
    .replaceAll("\r", "")

/** In the order in which they run. */
const scripts = (): ReadonlyArray<string> =>
  [
    packaged("vega", "vega.min.js"),
    packaged("vega-lite", "vega-lite.min.js"),
    interpreter(),
    ...["pictures.js", "tables.js", "page.js"].map((file) =>
      readFileSync(join(root, "report", file), "utf8"),
    ),
  ].map(inScript)

const hashOf = (text: string): string =>
  `'sha256-${createHash("sha256").update(text).digest("base64")}'`

export interface PageParts {
  readonly scripts: ReadonlyArray<string>
  readonly style: string
  /** What the page may do: run its own scripts; no address is allowed for anything. */
  readonly policy: string
}

let made: PageParts | undefined

/** Made once. */
export const pageParts = (): PageParts => {
  if (made !== undefined) return made
  const all = scripts()
  made = {
    scripts: all,
    style: `${fontFaces([400, 600])}\n${readFileSync(join(root, "report", "style.css"), "utf8")}`,
    policy: [
      "default-src 'none'",
      `script-src ${all.map(hashOf).join(" ")}`,
      // elements are placed and coloured by the scripts
      "style-src 'unsafe-inline'",
      "img-src data: blob:",
      "font-src data:",
      "base-uri 'none'",
      "form-action 'none'",
    ].join("; "),
  }
  return made
}
