/**
 * Makes the pictures of the README anew: `npm run pictures [-- --state DIR]`.
 *
 * Runs `experiments/quickstart.yaml` where its trials have not finished in the state folder (`.fliqs` by default), then
 * writes `docs/pictures/quickstart.*`: what its search decided, light, dark, and as a specification. The pictures of the
 * study are made by `npm run study -- --write`.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { jsonOf, svgOf } from "../src/picture/Render.ts"
import { themes } from "../src/picture/Theme.ts"
import { policyOf, type PolicyFile } from "../src/report/GridPictures.ts"

process.chdir(fileURLToPath(new URL("..", import.meta.url)))
const program = fileURLToPath(new URL("../fliqs", import.meta.url))
const experiment = "experiments/quickstart.yaml"
const { values: flags } = parseArgs({ options: { state: { type: "string", default: ".fliqs" } } })

const fliqs = (...words: ReadonlyArray<string>): string => {
  const { status, stdout } = spawnSync(program, [...words, "--state", flags.state], {
    encoding: "utf8",
    maxBuffer: 1e9,
    stdio: ["ignore", "pipe", "inherit"],
  })
  if (status !== 0) throw new Error(`fliqs ${words.join(" ")} ended with ${status}`)
  return stdout
}

fliqs("run", experiment, "--no-track")
const { trials } = JSON.parse(fliqs("plan", experiment, "--json")) as {
  readonly trials: ReadonlyArray<{
    readonly id: string
    readonly parameters: Readonly<Record<string, string>>
  }>
}
const search = trials.find(({ parameters }) => parameters["control"] === undefined)!
const policy = JSON.parse(
  readFileSync(`${flags.state}/trials/${search.id}/artifacts/policy.json`, "utf8"),
) as PolicyFile
const picture = policyOf(policy, "What the search of the quickstart decided")

mkdirSync("docs/pictures", { recursive: true })
const names = { light: "quickstart.svg", dark: "quickstart-dark.svg" }
for (const theme of themes)
  writeFileSync(`docs/pictures/${names[theme]}`, await svgOf(picture, theme))
writeFileSync("docs/pictures/quickstart.vl.json", jsonOf(picture))
