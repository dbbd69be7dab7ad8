/**
 * The study: runs what is missing of `experiments/study/*.yaml` and keeps a line for each trial that has ended.
 *
 *     npm run study                        all of it, or on from where it stopped; stop it with Ctrl-C
 *     npm run study -- a-int b-fp          these experiments only
 *     npm run study -- --write             runs nothing; takes in what has ended, writes docs/results.md and its pictures
 *     options: --jobs N (1), --state DIR (.fliqs), --track
 *
 * Lines lie in `docs/results/NAME.jsonl`. A trial that has one, there or in another experiment's file, is not run again,
 * on any machine; delete the line of a failed trial to have it tried again.
 */
import { spawn, spawnSync } from "node:child_process"
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { Schema } from "effect"
import { parse } from "yaml"
import {
  armsOf,
  linesOfPlan,
  type Planned,
  plannedOf,
  replaceBetween,
  StudyLine,
  studyText,
} from "./study/Study.ts"
import { armOf } from "./study/Arm.ts"
import { jsonOf, svgOf } from "../src/picture/Render.ts"
import { studyPicture } from "./study/StudyPicture.ts"

process.chdir(fileURLToPath(new URL("..", import.meta.url)))
const folder = "experiments/study"
const fliqs = fileURLToPath(new URL("../fliqs", import.meta.url))
const page = "docs/results.md"
/** Milliseconds between two looks for results. */
const lookEvery = 15_000

const fail = (message: string): never => {
  console.error(message)
  process.exit(1)
}

const readFlags = () => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        jobs: { type: "string", default: "1" },
        state: { type: "string", default: ".fliqs" },
        track: { type: "boolean", default: false },
        write: { type: "boolean", default: false },
      },
    })
  } catch (error) {
    return fail((error as Error).message)
  }
}
const { positionals, values: flags } = readFlags()

/** Of the study, else of another experiment whose lines are kept. */
const fileOf = (name: string): string => {
  const own = `${folder}/${name}.yaml`
  return existsSync(own) ? own : `experiments/${name}.yaml`
}
const linesFile = (name: string) => `docs/results/${name}.jsonl`
const decodeLine = Schema.decodeUnknownSync(StudyLine)

const readLine = (text: string, place: string): StudyLine => {
  try {
    return decodeLine(JSON.parse(text))
  } catch {
    return fail(
      `${place}: this is no line of a study; delete it, its trial is collected or run again`,
    )
  }
}

const linesOf = (name: string): ReadonlyArray<StudyLine> =>
  existsSync(linesFile(name))
    ? readFileSync(linesFile(name), "utf8")
        .split("\n")
        .flatMap((line, i) => (line === "" ? [] : [readLine(line, `${linesFile(name)}:${i + 1}`)]))
    : []

/** Experiments that have lines. */
const namesWithLines = (): ReadonlyArray<string> =>
  readdirSync("docs/results")
    .filter((file) => file.endsWith(".jsonl"))
    .map((file) => file.replace(/\.jsonl$/, ""))
    .sort()

const planOf = (name: string): ReadonlyArray<Planned> => {
  const { status, stderr, stdout } = spawnSync(
    fliqs,
    ["plan", fileOf(name), "--state", flags.state, "--json"],
    { encoding: "utf8", maxBuffer: 1e9 },
  )
  if (status !== 0) return fail(stderr)
  return plannedOf(JSON.parse(stdout))
}

/** What a line says of its trial; the arm follows from the rest. */
const namedAfter = ({ id, parameters }: Planned) => ({ id, arm: armOf(parameters), parameters })

/** The ended trial as a line; undefined while it has no result. */
const lineOf = (trial: Planned): StudyLine | undefined => {
  const file = `${flags.state}/trials/${trial.id}/result.json`
  if (!existsSync(file)) return undefined
  const { state, metrics, assignment, steps, seconds, message } = JSON.parse(
    readFileSync(file, "utf8"),
  ) as StudyLine
  return {
    ...namedAfter(trial),
    seed: Number(trial.parameters["seed"]),
    state,
    metrics,
    assignment,
    steps,
    seconds: Math.round(seconds),
    ...(message === undefined ? {} : { message }),
  }
}

/** Takes in what has ended since: of the trials themselves, and of the same trials in other experiments. */
const collect = (name: string, trials: ReadonlyArray<Planned>): void => {
  const known = new Set(linesOf(name).map(({ id }) => id))
  const elsewhere = new Map(
    namesWithLines()
      .flatMap(linesOf)
      .map((line) => [line.id, line]),
  )
  for (const trial of trials) {
    if (known.has(trial.id)) continue
    const other = elsewhere.get(trial.id)
    const line = lineOf(trial) ?? (other && { ...other, ...namedAfter(trial) })
    if (line !== undefined) appendFileSync(linesFile(name), `${JSON.stringify(line)}\n`)
  }
}

/** Runs what has no line yet; the exit code of `fliqs run`. */
const run = (name: string): Promise<number> => {
  const trials = planOf(name)
  collect(name, trials)
  const done = new Set(linesOf(name).map(({ id }) => id))
  const missing = trials.filter(({ id }) => !done.has(id))
  console.error(`${name}: ${missing.length} of ${trials.length} trials to run`)
  if (missing.length === 0) return Promise.resolve(0)
  const child = spawn(
    fliqs,
    [
      "run",
      fileOf(name),
      "--state",
      flags.state,
      "--jobs",
      flags.jobs,
      ...(flags.track ? [] : ["--no-track"]),
      ...missing.flatMap(({ id }) => ["--only", id]),
    ],
    { stdio: "inherit" },
  )
  const timer = setInterval(() => collect(name, trials), lookEvery)
  return new Promise((resolve) =>
    child.on("exit", (code) => {
      clearInterval(timer)
      collect(name, trials)
      resolve(code ?? 130)
    }),
  )
}

/** Everything the lines say, between the markers of each experiment. */
const write = async (): Promise<void> => {
  let text = readFileSync(page, "utf8")
  mkdirSync("docs/pictures", { recursive: true })
  for (const name of namesWithLines()) {
    const all = linesOf(name)
    if (all.length === 0) continue
    const { description } = parse(readFileSync(fileOf(name), "utf8")) as { description: string }
    const plan = planOf(name)
    const lines = linesOfPlan(all, plan)
    if (lines.length < all.length)
      console.error(`${name}: ${all.length - lines.length} lines are not of its plan, and left out`)
    const reference = plan[0]!.parameters
    const picture = studyPicture(armsOf(lines, reference), name)
    writeFileSync(`docs/pictures/${name}.svg`, await svgOf(picture, "light"))
    writeFileSync(`docs/pictures/${name}.vl.json`, jsonOf(picture))
    text = replaceBetween(
      text,
      name,
      [
        `### ${name}`,
        `${description} Lines: [results/${name}.jsonl](results/${name}.jsonl); again: \`npm run study -- ${name}\`.`,
        studyText(lines, reference),
        `![Accuracy of every arm and seed of ${name}](pictures/${name}.svg)`,
      ].join("\n\n"),
    )
  }
  writeFileSync(page, text)
}

const all = readdirSync(folder)
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => file.replace(/\.yaml$/, ""))
  .sort()
const unknown = positionals.find((name) => !existsSync(fileOf(name)))
if (unknown !== undefined) fail(`there is no ${fileOf(unknown)}; there are ${all.join(", ")}`)
const names = positionals.length === 0 ? all : positionals

// the child is told by the terminal, saves its trials and ends; then so do we
process.on("SIGINT", () => {})
if (flags.write) {
  for (const name of names) collect(name, planOf(name))
} else {
  for (const name of names) {
    const code = await run(name)
    await write()
    if (code > 1) process.exit(code)
  }
}
await write()
