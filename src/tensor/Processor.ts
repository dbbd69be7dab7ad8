/**
 * The processor of this machine, as far as TensorFlow's kernels choose by it. Left out: what it is used for
 * (`Arithmetic.ts`).
 */
import { readFileSync } from "node:fs"
import { cpus } from "node:os"

export interface Processor {
  readonly model: string
  /** Of the vector instructions that kernels are chosen by, those it has, as Linux names them. */
  readonly flags: ReadonlyArray<string>
}

const known = [
  "avx",
  "avx2",
  "fma",
  "avx_vnni",
  "avx512f",
  "avx512_vnni",
  "avx512_bf16",
  "avx512_fp16",
  "amx_tile",
  "amx_int8",
  "amx_bf16",
  "amx_fp16",
]

/** The flags in the text of `/proc/cpuinfo`. */
export const flagsIn = (text: string): ReadonlyArray<string> => {
  const all = new Set(/^flags\s*:(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/))
  return known.filter((flag) => all.has(flag))
}

const readFlags = (): ReadonlyArray<string> => {
  try {
    return flagsIn(readFileSync("/proc/cpuinfo", "utf8"))
  } catch {
    return []
  }
}

export const processor = (): Processor => ({
  model: cpus()[0]?.model.trim() ?? "unknown",
  flags: readFlags(),
})
