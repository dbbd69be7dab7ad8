/**
 * `doctor`'s checks of the installation, each finding with its fix: Node, the tensor backend, the local MLflow. If a fix itself
 * needs something that is missing, such as a compiler, the finding names it in the words of the set-up.
 */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { availableParallelism } from "node:os"
import { Effect, Option } from "effect"
import { shellCommand } from "../declaration/Shell.ts"
import { root, setup, setupCommand } from "../disk/Installation.ts"
import { oneDnnOf, variablesOf, variablesWithOneDnn } from "../tensor/Arithmetic.ts"
import type { BackendSettings } from "../tensor/Backend.ts"
import * as Parts from "../tensor/Parts.ts"
import { processor } from "../tensor/Processor.ts"
import * as Server from "../track/Server.ts"
import * as ServerInstallation from "../track/ServerInstallation.ts"
import * as ServerRecord from "../track/ServerRecord.ts"
import type { Finding } from "./Finding.ts"

interface Ran {
  /** 0 when all went well; a signal's name when one ended it. */
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
}

const runToEnd = ([program, ...words]: readonly [string, ...Array<string>]) =>
  Effect.callback<Ran>((resume) => {
    const child = execFile(program, words, { timeout: 120_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : (error.code ?? error.signal ?? 1)
      resume(Effect.succeed({ code, stdout, stderr }))
    })
    return Effect.sync(() => child.kill())
  })

const isNode22 = (): boolean => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  return major === 22 && minor >= 18
}

export const node = Effect.sync((): Finding => {
  const found = `${process.version} ${process.platform}-${process.arch}`
  return isNode22()
    ? { name: "node", state: "ok", found }
    : {
        name: "node",
        state: "problem",
        found: `${found}; Node 22.18 or a later 22 is needed, which ./fliqs brings along`,
        fix: shellCommand([join(root, "fliqs"), "doctor"]),
      }
})

const prefix = /^fliqs set-up: /

/** What the steps lack on this machine and how to get it; undefined if nothing is missing. */
const lacking = Effect.fnUntraced(function* (...words: ReadonlyArray<string>) {
  const { code, stderr } = yield* runToEnd(setup("--check", ...words))
  if (code === 0) return undefined
  const lines = stderr.split("\n").filter((line) => line.trim() !== "")
  const [what, fix] = [true, false].map((isWhat) =>
    lines.filter((line) => prefix.test(line) === isWhat).map((line) => line.replace(prefix, "")),
  )
  return {
    what: what!.join("; "),
    fix: fix!.map((line) => line.trim()).join(" "),
  }
})

/** The command that makes parts, after what the command itself needs. */
const fixBy = Effect.fnUntraced(function* (...words: ReadonlyArray<string>) {
  const lacks = yield* lacking(...words)
  const command = setupCommand(...words)
  return lacks === undefined ? command : `${lacks.what}. ${lacks.fix} Then: ${command}`
})

const problem = (name: string, found: string, fix: string): Finding => ({
  name,
  state: "problem",
  found,
  fix,
})

const partNames: Readonly<Record<Parts.Step, string>> = {
  tensorflow: `TensorFlow ${Parts.tensorflowVersion}`,
  addon: "the addon to TensorFlow",
  native: "the fused kernels",
}

interface Probed {
  readonly loaded?: BackendSettings
  readonly message?: string
  readonly reason?: string
}

const probe = fileURLToPath(
  new URL("./probe.ts", import.meta.url).href.replace(/\.ts$/, () =>
    import.meta.url.endsWith(".ts") ? ".ts" : ".js",
  ),
)

const probed = ({ code, stderr, stdout }: Ran): Probed => {
  try {
    return JSON.parse(stdout) as Probed
  } catch {
    const last = stderr.trim().split("\n").at(-1) ?? ""
    return { message: `TensorFlow ends the process (${code}${last === "" ? "" : `: ${last}`})` }
  }
}

const findParts = (): Parts.Parts | undefined => {
  try {
    return Parts.parts()
  } catch {
    return undefined
  }
}

export const tensors = Effect.gen(function* () {
  const parts = findParts()
  if (parts === undefined)
    return problem(
      "tensors",
      "the npm package of TensorFlow is not installed",
      yield* fixBy("--anew", "npm"),
    )
  const native = process.env["FLIQS_NATIVE"] !== "0"
  const missing = Parts.missing(parts).filter((step) => native || step !== "native")
  if (missing.length > 0) {
    const names = missing.map((step) => partNames[step]).join(", ")
    return problem("tensors", `not set up: ${names}`, yield* fixBy("tensors"))
  }
  const words = [process.execPath, ...process.execArgv, probe] as const
  const { loaded, message = "", reason } = probed(yield* runToEnd([...words]))
  if (loaded !== undefined)
    return {
      name: "tensors",
      state: "ok",
      found: `TensorFlow ${loaded.tensorflow}, tfjs-node ${loaded.tfjs}, ${loaded.native ? "fused" : "composed"} quantizer`,
    } satisfies Finding
  return reason === "Unsupported"
    ? problem("tensors", message, "set the variable as said, or unset it")
    : problem("tensors", message, yield* fixBy("--anew", "tensorflow", "addon", "native"))
})

/** What bits depend on beside the trial: `tensor/Arithmetic.ts`. */
export const arithmetic = Effect.sync((): Finding => {
  const { flags, model } = processor()
  const own = variablesOf(process.env)
  const oneDnn = oneDnnOf(variablesWithOneDnn(process.env))
  const by = own["TF_ENABLE_ONEDNN_OPTS"] === undefined ? "" : " (TF_ENABLE_ONEDNN_OPTS)"
  const others = Object.entries(own).flatMap(([name, value]) =>
    name === "TF_ENABLE_ONEDNN_OPTS" ? [] : [`${name}=${value}`],
  )
  const parts = [`${model}: ${flags.join(" ")}`, `oneDNN ${oneDnn ?? "unknown"}${by}`, ...others]
  return { name: "processor", state: "ok", found: parts.join("; ") }
})

export const threads = Effect.sync((): Finding => {
  const count = availableParallelism()
  return {
    name: "threads",
    state: "ok",
    found: `${count}: one trial alone takes ${count} inside an operation and runs ${count} operations at a time`,
  }
})

/** What the server imports when it starts. */
const imports = "import uvicorn, mlflow.server.fastapi_app"

/** The local MLflow: the server of this state folder, or the installation that would run one. */
export const localMlflow = Effect.fnUntraced(function* (state: string, cache: string) {
  const name = "mlflow"
  const server = yield* Server.find(state)
  if (Option.isSome(server))
    return { name, state: "ok", found: `local server at ${server.value.url}` } satisfies Finding
  const running = ServerRecord.findProcess(ServerRecord.folderOf(state))
  const isLost =
    running !== undefined &&
    (ServerRecord.isOrphaned(ServerRecord.folderOf(state)) || (yield* Server.hasLostStore(running)))
  if (isLost)
    return problem(
      name,
      `the local server at ${running.url} cannot read its database, which was deleted or damaged while it ran`,
      "`fliqs ui` starts it anew, and `fliqs sync` sends everything again",
    )
  if (ServerInstallation.isInstalled(cache)) {
    const { code, stderr } = yield* runToEnd([ServerInstallation.pythonOf(cache), "-c", imports])
    if (code === 0)
      return {
        name,
        state: "ok",
        found: `${ServerInstallation.version} installed, not running; \`fliqs ui\` starts it`,
      } satisfies Finding
    const last = stderr.trim().split("\n").at(-1) ?? ""
    return problem(
      name,
      `${ServerInstallation.version} is installed and damaged: ${last === "" ? `Python ends with ${code}` : last}`,
      yield* fixBy("--anew", "mlflow"),
    )
  }
  const lacks = yield* lacking("mlflow")
  return lacks === undefined
    ? ({ name, state: "ok", found: "installed when a run first needs it" } satisfies Finding)
    : ({ name, state: "warning", found: lacks.what, fix: lacks.fix } satisfies Finding)
})
