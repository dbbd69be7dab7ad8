/**
 * Checks that imports in `src/` go one way (the rules stand in `.dependency-cruiser.ts`). A cruise that saw no module,
 * or fewer than there are files, is a failure too: it would pass whatever the imports are.
 */
import { readdirSync } from "node:fs"
import { cruise } from "dependency-cruiser"
import extractTsConfig from "dependency-cruiser/config-utl/extract-ts-config"
import { forbidden, options } from "../.dependency-cruiser.ts"

const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((file) =>
  file.endsWith(".ts"),
)
const { output } = await cruise(
  ["src"],
  { ...options, ruleSet: { forbidden }, validate: true, outputType: "json" },
  undefined,
  { tsConfig: extractTsConfig("tsconfig.json") as never },
)
const { modules, summary } = JSON.parse(String(output)) as {
  modules: ReadonlyArray<{ source: string; dependencies: ReadonlyArray<unknown> }>
  summary: {
    violations: ReadonlyArray<{ from: string; to: string; rule: { name: string } }>
    totalDependenciesCruised: number
  }
}
const seen = modules.filter((module) => module.source.startsWith("src/")).length
for (const { from, to, rule } of summary.violations) {
  const comment = forbidden.find(({ name }) => name === rule.name)?.comment
  console.error(`${from} -> ${to}\n  ${rule.name}: ${comment}`)
}
if (seen < files.length || seen === 0 || summary.totalDependenciesCruised === 0) {
  console.error(
    `direction: saw ${seen} of ${files.length} files and ${summary.totalDependenciesCruised} imports; is a TypeScript below 7 installed for dependency-cruiser?`,
  )
  process.exitCode = 1
} else if (summary.violations.length > 0) {
  console.error(`direction: ${summary.violations.length} imports go the wrong way`)
  process.exitCode = 1
} else {
  console.log(`direction: ${seen} files, ${summary.totalDependenciesCruised} imports, all one way`)
}
