/**
 * The PyTorch peers: a virtual environment of their own in the cache, made by the first case that needs one.
 *
 * The build for CPUs is enough; safetensors is what exported models need beside it. Left out: the peers (`torch/*.py`).
 */
import type { Command } from "../Worker.ts"
import { pythonEnvironment } from "./PythonEnvironment.ts"

const version = "2.13.0"
const environment = pythonEnvironment(`torch-${version}`, [
  `torch==${version}`,
  "safetensors==0.8.0",
])
/** The interpreter of the environment; there once `ensureTorch` has made it. */
export const python = environment.python
export const ensureTorch = environment.ensure

/** A worker out of `bench/peers/torch`. */
export const torch = (script: string, ...args: ReadonlyArray<string | number>): Command => ({
  program: python,
  args: ["-W", "ignore", `bench/peers/torch/${script}.py`, ...args.map(String)],
  environment: { PYTHONDONTWRITEBYTECODE: "1" },
})
