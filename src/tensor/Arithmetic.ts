/**
 * What the bits of a result depend on beside its declaration: the variables by which TensorFlow and oneDNN choose
 * their kernels, the threads, the processor, the version.
 *
 * TensorFlow by itself uses oneDNN only where the processor has AVX-512 VNNI or AMX. On others its own kernels for
 * convolutions take twice the time, so `Backend.load` switches oneDNN on unless the environment decides. Left out: the
 * record that a trial keeps of it (`train/ArithmeticRecord.ts`).
 */
import { BackendError, Unsupported } from "./Errors.ts"

/** The variables that choose kernels. */
export const variableNames = [
  "TF_ENABLE_ONEDNN_OPTS",
  "ONEDNN_MAX_CPU_ISA",
  "ONEDNN_CPU_ISA_HINTS",
  "ONEDNN_DEFAULT_FPMATH_MODE",
] as const

/** Those that are set, with their values. */
export type Variables = Readonly<Record<string, string>>

export interface Arithmetic {
  /** `default`: TensorFlow decides by the processor. */
  readonly oneDnn: "on" | "off" | "default"
  readonly variables: Variables
  /** Inside one operation. */
  readonly intraOpThreads: number
  /** Operations at a time. */
  readonly interOpThreads: number
  readonly processor: string
  readonly processorFlags: ReadonlyArray<string>
  readonly tensorflow: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** The variables as the environment has them. */
export const variablesOf = (environment: Environment): Variables =>
  Object.fromEntries(
    variableNames.flatMap((name) => {
      const value = environment[name]
      return value === undefined || value === "" ? [] : [[name, value]]
    }),
  )

/** Those of the environment, with oneDNN switched on where it does not decide. */
export const variablesWithOneDnn = (environment: Environment): Variables => ({
  TF_ENABLE_ONEDNN_OPTS: "1",
  ...variablesOf(environment),
})

/** Whether oneDNN is on; undefined for a value that TensorFlow does not know. */
export const oneDnnOf = (variables: Variables): Arithmetic["oneDnn"] | undefined => {
  const value = variables["TF_ENABLE_ONEDNN_OPTS"]?.toLowerCase()
  if (value === undefined) return "default"
  if (value === "1" || value === "true") return "on"
  return value === "0" || value === "false" ? "off" : undefined
}

/** The error of variables that TensorFlow would pass over. */
export const problemOf = (variables: Variables): BackendError | undefined =>
  oneDnnOf(variables) === undefined
    ? new BackendError({
        reason: new Unsupported({
          message: `TF_ENABLE_ONEDNN_OPTS=${variables["TF_ENABLE_ONEDNN_OPTS"]}: 1 or 0 would be right`,
        }),
      })
    : undefined

/** Gives this process exactly these variables. They are read when TensorFlow's library is loaded. */
export const setVariables = (variables: Variables): void => {
  for (const name of variableNames) {
    const value = variables[name]
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
}

/** Limits of oneDNN below its kernels for AVX-512. */
const narrow = /^(sse41|avx|avx2|avx2_vnni|avx2_vnni_2)$/i

/** Whether oneDNN is on. */
export const usesOneDnn = ({ oneDnn, processorFlags }: Arithmetic): boolean => {
  // Where TensorFlow switches oneDNN on by itself.
  const byDefault = ["avx_vnni", "avx512_vnni", "avx512_bf16", "amx_tile"]
  const isDefault = byDefault.some((flag) => processorFlags.includes(flag))
  return oneDnn === "on" || (oneDnn === "default" && isDefault)
}

/** Whether oneDNN is on and takes its kernels for processors without AVX-512. */
export const usesNarrowKernels = (it: Arithmetic): boolean =>
  usesOneDnn(it) &&
  (!it.processorFlags.includes("avx512f") || narrow.test(it.variables["ONEDNN_MAX_CPU_ISA"] ?? ""))
