/**
 * What `--on kubernetes` writes: strictly valid under the schemas of the versions the docs name (without a cluster), scripts that a
 * shell can run, and pods that pass on what their trial says. Left out: a cluster.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { parseAllDocuments } from "yaml"
import { pythonEnvironment } from "../../../bench/peers/PythonEnvironment.ts"
import { KubernetesEngine } from "../../../src/orchestrator/engine/KubernetesEngine.ts"
import { missingOf } from "../../export/python.ts"
import { trialOf } from "../folder.ts"

const state = mkdtempSync(join(tmpdir(), "fliqs-kubernetes-"))
afterAll(() => rmSync(state, { recursive: true }))

const ids = ["00000000000000a1", "00000000000000a2", "00000000000000a3"] as const
const written = KubernetesEngine.write({
  state,
  gridId: "0123456789abcdef",
  name: "tiny",
  trials: [
    trialOf(ids[0], {}, { resources: { cpus: 2, memory: "4 GB", partition: "cpu" } }),
    trialOf(ids[1], {}),
    trialOf(ids[2], {}, { resources: { cpus: 2, memory: "4 GB" } }),
  ],
  program: "/opt/fliqs/fliqs",
  cache: "",
  jobs: 1,
})
mkdirSync(written.folder, { recursive: true })
for (const [name, text] of Object.entries(written.files))
  writeFileSync(join(written.folder, name), text)

interface Job {
  readonly spec: {
    readonly completions: number
    readonly parallelism: number
    readonly template: {
      readonly spec: {
        readonly containers: ReadonlyArray<{
          readonly command: ReadonlyArray<string>
          readonly resources: unknown
        }>
      }
    }
  }
}
const jobs = parseAllDocuments(written.files["jobs.yaml"]!).map((document): Job => document.toJS())
const containerOf = (job: Job) => job.spec.template.spec.containers[0]!

describe("the files for Kubernetes", () => {
  it("have a job for each kind of needs, with its trials in order", () => {
    expect(jobs.map(({ spec }) => [spec.completions, spec.parallelism])).toEqual([
      [2, 1],
      [1, 1],
    ])
    expect(jobs.map((job) => containerOf(job).resources)).toEqual([
      { requests: { cpu: "2", memory: "3815Mi" }, limits: { memory: "3815Mi" } },
      { requests: { cpu: "1", memory: "4096Mi" }, limits: { memory: "4096Mi" } },
    ])
    expect(written.files["trials-0"]).toBe(`${ids[0]}\n${ids[2]}\n`)
    expect(written.files["trials-1"]).toBe(`${ids[1]}\n`)
    expect(written.notes.join("\n")).toContain("not taken over: resources.partition")
  })

  it("have commands that a shell can read", () => {
    const { status, stderr } = spawnSync("sh", ["-n", join(written.folder, "commands.sh")], {
      encoding: "utf8",
    })
    expect([status, stderr]).toEqual([0, ""])
  })
})

const validator = pythonEnvironment("kubernetes-validate-1.37.0", [
  "kubernetes-validate==1.37.0",
  "pyyaml==6.0.4",
])
const missing = missingOf(validator.ensure, "kubernetes-validate")

describe.skipIf(missing !== undefined)("the schemas of Kubernetes", () => {
  // The versions that docs/slurm.md names, and those between.
  const versions = ["1.29", "1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37"]
  const script = join(import.meta.dirname, "validate.py")
  const problems = (file: string, of: ReadonlyArray<string>) => {
    const { stderr, stdout } = spawnSync(validator.python, ["-W", "ignore", script, file, ...of], {
      encoding: "utf8",
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
    })
    if (stdout === "") throw new Error(stderr)
    return JSON.parse(stdout) as Record<string, ReadonlyArray<string>>
  }
  const none = Object.fromEntries(versions.map((version) => [version, []]))

  it.each(["jobs.yaml", "volume.yaml", "copy.yaml"])("take %s", (name) => {
    expect(problems(join(written.folder, name), versions)).toEqual(none)
  })

  it("refuse a key that they do not know; those of 1.25 refuse the job", () => {
    const wrong = join(state, "wrong.yaml")
    writeFileSync(wrong, written.files["jobs.yaml"]!.replace("parallelism", "paralelism"))
    expect(problems(wrong, ["1.33"])["1.33"]?.join()).toContain("paralelism")
    const { "1.25": old } = problems(join(written.folder, "jobs.yaml"), ["1.25"])
    expect(old).not.toEqual([])
  })
})

describe("a pod", () => {
  const bin = join(state, "bin")
  const seen = join(state, "seen")
  /** Runs a pod's own script, with a program of these lines in the place of `fliqs`. */
  const pod = (job: Job, index: number, lines: string): ChildProcess => {
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, "fliqs"), `#!/bin/sh\n${lines}\n`)
    chmodSync(join(bin, "fliqs"), 0o755)
    const [shell, ...words] = containerOf(job).command.map((word) =>
      word.replaceAll("/state/kubernetes", `${state}/kubernetes`),
    )
    return spawn(shell!, words, {
      env: { PATH: `${bin}:${process.env["PATH"]}`, JOB_COMPLETION_INDEX: String(index) },
      stdio: "ignore",
    })
  }
  const codeOf = async (child: ChildProcess) => (await once(child, "exit"))[0] as number | null

  it.each([
    [0, 0, ids[0]],
    [0, 1, ids[2]],
    [1, 0, ids[1]],
  ] as const)("of job %i with index %i runs its trial", async (job, index, id) => {
    expect(await codeOf(pod(jobs[job]!, index, `echo "$@" > ${seen}`))).toBe(0)
    expect(readFileSync(seen, "utf8")).toBe(`trial --id ${id} --state /state\n`)
  })

  it.each([
    [1, 1],
    [2, 2],
    [75, 75],
    [76, 0],
    [70, 70],
  ])("whose trial ends with %i ends with %i", async (code, expected) => {
    expect(await codeOf(pod(jobs[0]!, 0, `exit ${code}`))).toBe(expected)
  })

  it("that is to end waits until its trial has saved", async () => {
    const ready = join(state, "ready")
    const saved = join(state, "saved")
    const child = pod(
      jobs[0]!,
      0,
      `trap 'sleep 0.3; : > ${saved}; exit 75' TERM\n: > ${ready}\nwhile :; do sleep 0.05; done`,
    )
    while (!existsSync(ready)) await new Promise((resolve) => setTimeout(resolve, 20))
    child.kill("SIGTERM")
    expect(await codeOf(child)).toBe(75)
    expect(existsSync(saved)).toBe(true)
  })
})
