/**
 * The way into TensorFlow: `load` imports tfjs-node once, with fixed thread counts, oneDNN on and without its log lines,
 * and fills the live binding `tf`. Importing this module (or any other of `src/`) loads nothing; use `tf` inside functions only.
 *
 * Left out: kernels (`Kernels.ts`), whole steps as graphs (`Step.ts`).
 */
import { existsSync } from "node:fs"
import { createRequire, Module } from "node:module"
import { isDeepStrictEqual } from "node:util"
import { Effect } from "effect"
import type * as tfjs from "@tensorflow/tfjs-node"
import {
  type Arithmetic,
  oneDnnOf,
  problemOf,
  setVariables,
  type Variables,
  variablesWithOneDnn,
} from "./Arithmetic.ts"
import { setupCommand } from "../disk/Installation.ts"
import { BackendError, NativeMissing, Unsupported } from "./Errors.ts"
import * as Parts from "./Parts.ts"
import { processor } from "./Processor.ts"

export type {
  DataType,
  NamedTensorMap,
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Tensor3D,
  Tensor4D,
  Variable,
} from "@tensorflow/tfjs-node"

/** The tfjs API on libtensorflow; undefined until `load` has run. */
export let tf: typeof tfjs

export interface BackendOptions {
  /** Threads inside one TensorFlow operation. Results depend on it (filter gradients, norm means). */
  readonly threads: number
  /**
   * False selects the TensorFlow-op formula of the quantizer instead of the fused kernel: the same values bit for bit.
   * Default: true unless the environment says `FLIQS_NATIVE=0`.
   */
  readonly native?: boolean
  /**
   * What the process gets of the variables that choose kernels (`Arithmetic.ts`): those of an earlier process, for equal
   * bits. Default: those of the environment, with oneDNN switched on where it does not decide.
   */
  readonly variables?: Variables
}

export interface BackendSettings {
  readonly threads: number
  readonly native: boolean
  readonly tensorflow: string
  readonly tfjs: string
  readonly arithmetic: Arithmetic
}

let settings: BackendSettings | undefined
const require = createRequire(import.meta.url)

/** What `load` was given and what it found; undefined before. */
export const loaded = (): BackendSettings | undefined => settings

interface NativeAddon {
  /** Loads TensorFlow's framework library without its log lines and registers our kernels in it. */
  readonly load: (frameworkLibrary: string) => void
}

const words: Readonly<Record<Parts.Step, string>> = {
  tensorflow: `the library of TensorFlow ${Parts.tensorflowVersion} is missing`,
  addon: "the addon to TensorFlow has not been compiled",
  native: "the fused kernels have not been compiled",
}

const missingPart = (file: string, what: string, ...setup: ReadonlyArray<string>) =>
  new BackendError({
    reason: new NativeMissing({
      file,
      message: `${what} (${file}); run ${setupCommand(...setup)}`,
    }),
  })

const broken = (cause: unknown, file: string) =>
  missingPart(
    file,
    `TensorFlow cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
    "--anew",
    "tensorflow",
    "addon",
    "native",
  )

/** The parts of the backend; fails when one that is needed is not there. */
const findParts = Effect.fnUntraced(function* (native: boolean) {
  const parts = yield* Effect.try({
    try: Parts.parts,
    catch: () =>
      missingPart(
        "@tensorflow/tfjs-node",
        "the npm package of TensorFlow is not installed",
        "--anew",
        "npm",
      ),
  })
  const first = Parts.missing(parts).find((step) => native || step !== "native")
  if (first !== undefined) return yield* missingPart(parts.files[first], words[first], "tensors")
  return parts
})

/**
 * Imports tfjs-node, which asks node-pre-gyp where its addon is: a stand-in answers, since the set-up compiles it into
 * the cache and nothing beside the packages.
 */
const importTfjs = async ({ files, tfjs }: Parts.Parts) => {
  const { cache, resolve } = createRequire(tfjs)
  const finder = resolve("@mapbox/node-pre-gyp")
  const before = cache[finder]
  cache[finder] = Object.assign(new Module(finder), {
    loaded: true,
    exports: { find: () => files.addon },
  })
  try {
    return await import("@tensorflow/tfjs-node")
  } finally {
    if (before === undefined) delete cache[finder]
    else cache[finder] = before
  }
}

/**
 * tfjs-node 4 calls two functions that Node has deprecated and that Node 23 no longer has; give it plain ones, so that
 * it neither warns nor fails.
 */
const restoreRemovedFunctions = (): void => {
  const util = require("node:util") as Record<string, unknown>
  util["isNullOrUndefined"] = (value: unknown) => value === null || value === undefined
  util["isArray"] = Array.isArray
}

const sameSettings = (threads: number, native: boolean, variables: Variables): boolean =>
  settings !== undefined &&
  settings.threads === threads &&
  settings.native === native &&
  isDeepStrictEqual(settings.arithmetic.variables, variables)

/**
 * Loads TensorFlow into this process. A second call with the same options does nothing.
 *
 * Fails with `BackendError`: `NativeMissing` when the set-up has not built the addon or the kernel, `Unsupported` when
 * TensorFlow is already loaded with other settings (it reads them once per process).
 */
export const load = Effect.fn("Backend.load")(function* (options: BackendOptions) {
  const { threads } = options
  const native = options.native ?? process.env["FLIQS_NATIVE"] !== "0"
  const variables =
    options.variables ?? settings?.arithmetic.variables ?? variablesWithOneDnn(process.env)
  const problem = problemOf(variables)
  if (problem !== undefined) return yield* problem
  if (sameSettings(threads, native, variables)) return
  if (settings !== undefined)
    return yield* new BackendError({
      reason: new Unsupported({
        message: `TensorFlow already runs in this process with ${settings.threads} threads, native ${settings.native}, oneDNN ${settings.arithmetic.oneDnn}; it cannot change to ${threads}, ${native}, ${oneDnnOf(variables)}`,
      }),
    })
  process.env["TF_NUM_INTRAOP_THREADS"] = String(threads)
  process.env["TF_NUM_INTEROP_THREADS"] = String(threads)
  process.env["TF_CPP_MIN_LOG_LEVEL"] = "3"
  setVariables(variables)
  restoreRemovedFunctions()
  const parts = yield* findParts(native)
  const { files } = parts
  yield* Effect.try({
    try: () => {
      // Even without our kernels: it keeps the library's log lines from standard error.
      if (existsSync(files.native)) (require(files.native) as NativeAddon).load(files.tensorflow)
    },
    catch: (cause) => broken(cause, files.native),
  })
  const module = yield* Effect.tryPromise({
    try: () => importTfjs(parts),
    catch: (cause) => broken(cause, files.addon),
  })
  tf = module
  // The cast: tfjs' types have no backend of tfjs-node.
  const { binding } = tf.backend() as unknown as {
    readonly binding: { readonly TF_Version: string }
  }
  const tensorflow = binding.TF_Version
  const { flags, model } = processor()
  const arithmetic: Arithmetic = {
    oneDnn: oneDnnOf(variables)!,
    variables,
    intraOpThreads: threads,
    interOpThreads: threads,
    processor: model,
    processorFlags: flags,
    tensorflow,
  }
  settings = { threads, native, tensorflow, tfjs: tf.version["tfjs-node"], arithmetic }
})

export interface Counts {
  /** Tensors that tfjs knows. */
  readonly tensors: number
  /** Tensor handles of the binding; a tensor that was never used by an operation has none yet. */
  readonly handles: number
}

/**
 * What is alive: equal before and after a step, or something leaks.
 *
 * @internal for tests and benches: it needs what only this folder may reach
 */
export const counts = (): Counts => ({
  tensors: tf.memory().numTensors,
  // The cast: tfjs' types have no backend of tfjs-node.
  handles: (tf.backend() as unknown as { getNumOfTFTensors(): number }).getNumOfTFTensors(),
})
