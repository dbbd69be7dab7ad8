/**
 * The direction of imports, one rule per sentence of the house. Left out: running them (`scripts/check-direction.ts`).
 */
import type { ICruiseOptions, IForbiddenRuleType } from "dependency-cruiser"

/** A folder may import only from folders named before it. */
export const folders = [
  "declaration",
  "disk",
  "metric",
  "picture",
  "format",
  "tensor",
  "quantizer",
  "space",
  "cost",
  "reward",
  "network",
  "budget",
  "search",
  "rehearse",
  "supernet",
  "data",
  "train",
  "track",
  "export",
  "experiment",
  "orchestrator",
  "report",
  "library",
  "cli",
]

/** Folders that may touch tensors; `cli/` provides the backend as it provides every layer. */
const tensorFolders = ["tensor", "quantizer", "supernet", "data", "train", "export", "cli"]

const direction: ReadonlyArray<IForbiddenRuleType> = folders.slice(0, -1).map((folder, index) => ({
  name: `direction-${folder}`,
  comment: `src/${folder}/ may import only from the folders before it: ${folders.slice(0, index).join(", ") || "none"}`,
  severity: "error",
  from: { path: `^src/${folder}/` },
  to: { path: `^src/(${folders.slice(index + 1).join("|")})/` },
}))

/** Effect's modules marked unstable stay in one folder each, so that a minor release breaks one folder. */
const homes = [
  { name: "cli", home: "cli", path: "node_modules/effect/dist/cli/" },
  {
    name: "http",
    home: "track",
    path: "node_modules/effect/dist/http/|platform-node/dist/NodeHttp",
  },
  { name: "process", home: "orchestrator", path: "node_modules/effect/dist/process/" },
]
const unstable = homes.map(({ name, home, path }): IForbiddenRuleType => ({
  name: `effect-${name}`,
  comment: `effect/${name} is unstable: only src/${home}/ may import it`,
  severity: "error",
  from: { path: "^src/", pathNot: `^src/${home}/` },
  to: { path },
}))

export const forbidden: Array<IForbiddenRuleType> = [
  ...direction,
  ...unstable,
  {
    name: "effect-unstable-rest",
    comment: "These unstable modules of Effect have no home here yet: name one in this file first",
    severity: "error",
    from: { path: "^src/" },
    to: {
      path: "node_modules/effect/dist/(ai|cluster|devtools|eventlog|http-api|net|persistence|reactivity|graphql|rpc|socket|sql|workflow|workers)/",
    },
  },
  {
    name: "tensorflow-in-tensor",
    comment: "Only src/tensor/ imports @tensorflow/*",
    severity: "error",
    from: { path: "^src/", pathNot: "^src/tensor/" },
    to: { path: "node_modules/@tensorflow/" },
  },
  {
    name: "tensors-where-they-belong",
    comment: `Only these folders may touch tensors: ${tensorFolders.join(", ")}`,
    severity: "error",
    from: { path: "^src/[^/]+/", pathNot: `^src/(${tensorFolders.join("|")})/` },
    to: { path: "^src/tensor/", dependencyTypesNot: ["type-only"] },
  },
  {
    name: "tensorflow-loaded-late",
    comment: "TensorFlow is loaded by Backend.load() alone: import its types, or import() it",
    severity: "error",
    from: { path: "^src/tensor/" },
    to: {
      path: "node_modules/@tensorflow/",
      dynamic: false,
      dependencyTypesNot: ["type-only"],
    },
  },
  {
    name: "no-barrel",
    comment: "src/index.ts is the only index; nothing inside imports it",
    severity: "error",
    from: { path: "^src/" },
    to: { path: "^src/index\\.ts$|^src/.+/index\\.ts$" },
  },
  {
    name: "no-barrel-of-a-folder",
    comment: "src/index.ts is the only index",
    severity: "error",
    from: { path: "^src/.+/index\\.ts$" },
    to: {},
  },
  {
    name: "no-whole-platform",
    comment:
      "Import @effect/platform-node/NodeX, not the whole package: it costs 0.4 s at every start",
    severity: "error",
    from: { path: "^src/" },
    to: { path: "node_modules/@effect/platform-node/dist/index\\." },
  },
  {
    name: "known-folder",
    comment: `src/ has these folders: ${folders.join(", ")}`,
    severity: "error",
    from: { path: "^src/[^/]+/", pathNot: `^src/(${folders.join("|")})/` },
    to: {},
  },
  {
    name: "no-circle",
    comment: "A and B that need each other, types included, are one module, or three",
    severity: "error",
    from: {},
    to: { circular: true },
  },
  {
    name: "no-way-out",
    comment: "src/ imports nothing of test/, scripts/ and bench/",
    severity: "error",
    from: { path: "^src/" },
    to: { path: "^(test|scripts|bench)/" },
  },
  {
    name: "resolvable",
    comment: "Every import must resolve",
    severity: "error",
    from: {},
    to: { couldNotResolve: true },
  },
]

export const options: ICruiseOptions = {
  doNotFollow: { path: "node_modules" },
  tsPreCompilationDeps: true,
  tsConfig: { fileName: "tsconfig.json" },
  enhancedResolveOptions: {
    exportsFields: ["exports"],
    conditionNames: ["import", "node", "default", "types"],
  },
}
