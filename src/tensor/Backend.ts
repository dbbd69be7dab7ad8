/**
 * The way into TensorFlow: `load` imports tfjs-node once, with fixed thread counts, oneDNN on and without its log lines,
 * and fills the live binding `tf`. Importing this module (or any other of `src/`) loads nothing; use `tf` inside functions only.
 *
 * Left out: kernels (`Kernels.ts`), whole steps as graphs (`Step.ts`).
 */
import { createRequire } from "node:module"
import { existsSync, realpathSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
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
import { BackendError, NativeMissing, Unsupported } from "./Errors.ts"
import { processor } from "./Processor.ts"

export type {
  DataType,
  NamedTensorMap,
  Rank,
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Tensor3D,
  Tensor4D,
  TensorLike,
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

const addon = fileURLToPath(new URL("../../native/build/fliqs_native.node", import.meta.url))

interface NativeAddon {
  /** Loads TensorFlow's framework library without its log lines and registers our kernels in it. */
  readonly load: (frameworkLibrary: string) => void
}

const loadNative = (): void => {
  const binding = join(
    dirname(require.resolve("@tensorflow/tfjs-node/package.json")),
    "lib/napi-v8/tfjs_binding.node",
  )
  const library = join(dirname(realpathSync(binding)), "lib/libtensorflow_framework.so.2")
  ;(require(addon) as NativeAddon).load(library)
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
  if (native && !existsSync(addon))
    return yield* new BackendError({
      reason: new NativeMissing({
        file: addon,
        message:
          "the fused quantizer has not been built; run ./fliqs doctor, or set FLIQS_NATIVE=0",
      }),
    })
  yield* Effect.try({
    try: () => {
      if (existsSync(addon)) loadNative()
    },
    catch: (cause) =>
      new BackendError({ reason: new NativeMissing({ file: addon, message: String(cause) }) }),
  })
  const module = yield* Effect.tryPromise({
    try: () => import("@tensorflow/tfjs-node"),
    catch: (cause) =>
      new BackendError({
        reason: new NativeMissing({ file: "@tensorflow/tfjs-node", message: String(cause) }),
      }),
  })
  tf = module
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

/** What is alive: equal before and after a step, or something leaks. */
export const counts = (): Counts => ({
  tensors: tf.memory().numTensors,
  handles: (tf.backend() as unknown as { getNumOfTFTensors(): number }).getNumOfTFTensors(),
})
