/**
 * Writes docs/gallery.md and its drawings anew: `npm run gallery`. Every space of `spaces/` with its counts, its commands, its
 * drawing. `test/docs/Gallery.test.ts` says when they are stale.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, dirname } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { decode } from "../src/declaration/Decode.ts"
import { parse } from "../src/declaration/Document.ts"
import { build } from "../src/network/Build.ts"
import { Space } from "../src/network/SpaceFile.ts"
import { boxSvg } from "../src/picture/BoxSvg.ts"
import { drawingOf } from "../src/report/drawing/SpaceDrawing.ts"
import { assignmentsText, shortCount, sizeLine } from "../src/report/drawing/SpaceSize.ts"
import { cardinality } from "../src/space/Cardinality.ts"
import { widestChoices } from "../src/space/DecisionSpace.ts"
import { countsOf } from "../src/supernet/Counts.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const page = "docs/gallery.md"
const folder = "docs/gallery"

const head = `# Gallery

Every space of [spaces/](../spaces), drawn by \`./fliqs draw SPACE --out FILE.svg\` (or \`.png\`), which draws your own too. Blue
are options of a decision about the architecture, orange those of a format; a green line is a shortcut, \`× 3\` how often
a part stands there. \`--assignment FILE\` marks what was decided and shows the format of every layer; \`./fliqs draw TRIAL --out
FILE.svg\` draws what a finished trial found.

Parameters (weights, biases, norms) and MACs are those of the network with every decision at its widest option, for one image.
\`npm run gallery\` writes this page.
`

const yamlIn = (name: string) =>
  readdirSync(`${root}/${name}`)
    .filter((file) => file.endsWith(".yaml"))
    .sort()

/** Experiments by the space they name. */
const experimentsOf = (): ReadonlyMap<string, ReadonlyArray<string>> => {
  const found = new Map<string, Array<string>>()
  for (const file of yamlIn("experiments")) {
    const text = readFileSync(`${root}/experiments/${file}`, "utf8")
    const [, space] = /^space: \.\.\/spaces\/(.+)\.yaml/m.exec(text) ?? []
    if (space !== undefined) found.set(space, [...(found.get(space) ?? []), file])
  }
  return found
}

const read = (name: string) => {
  const file = `spaces/${name}.yaml`
  const document = Effect.runSync(parse(file, readFileSync(`${root}/${file}`, "utf8")))
  const space = Effect.runSync(decode(Space, document))
  const { network } = build(space)
  if (network === undefined) throw new Error(`${file} does not build`)
  const { macs, parameters } = countsOf(network, widestChoices(network.space))
  const svg = boxSvg(drawingOf(space, network, { lines: [sizeLine(network, undefined)] }), "both")
  return {
    name,
    svg,
    description: space.description ?? "",
    counts: [
      shortCount(parameters),
      shortCount(macs),
      String(network.space.decisions.length),
      assignmentsText(cardinality(network.space)),
    ],
  }
}

/** The files of the gallery by their paths in the checkout. */
export const gallery = (): ReadonlyMap<string, string> => {
  const experiments = experimentsOf()
  const all = yamlIn("spaces").map((file) => read(basename(file, ".yaml")))
  const rows = all.map(({ counts, name }) => `| [${name}](#${name}) | ${counts.join(" | ")} |`)
  const sections = all.map(({ description, name }) => {
    const commands = [
      `./fliqs cost spaces/${name}.yaml`,
      ...(experiments.get(name) ?? []).map((file) => `./fliqs run experiments/${file}`),
    ]
    return `## ${name}

[${name}.yaml](../spaces/${name}.yaml): ${description}

\`\`\`sh
${commands.join("\n")}
\`\`\`

![${name}: ${description}](gallery/${name}.svg)
`
  })
  const table = [
    "| space | parameters | MACs | decisions | assignments |",
    "|---|---|---|---|---|",
    ...rows,
  ]
  return new Map([
    [page, [head, `${table.join("\n")}\n`, ...sections].join("\n")],
    ...all.map(({ name, svg }) => [`${folder}/${name}.svg`, svg] as const),
  ])
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  rmSync(`${root}/${folder}`, { recursive: true, force: true })
  for (const [file, text] of gallery()) {
    mkdirSync(dirname(`${root}/${file}`), { recursive: true })
    writeFileSync(`${root}/${file}`, text)
  }
}
