/** Python for tests of exported files: onnx with its checker, and onnxruntime as old as that of the command. */
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { pythonEnvironment } from "../../bench/peers/PythonEnvironment.ts"
import { version } from "../../src/export/onnx/OnnxRuntime.ts"

/** Python 3.11 or newer has wheels of all of them. */
export const onnxEnvironment = pythonEnvironment("onnx-1.23.2", [
  "onnx==1.23.2",
  `onnxruntime==${version}`,
  "numpy==2.4.6",
  "ml_dtypes==0.6.0",
  "protobuf==7.36.2",
  "typing_extensions==4.16.0",
  "flatbuffers==25.12.19",
  "packaging==26.4",
])

/** Why an environment cannot be had; undefined where it is there. */
export const missingOf = (ensure: () => void, what: string): string | undefined => {
  try {
    ensure()
    return undefined
  } catch (error) {
    console.warn(`left out, since ${what} cannot be installed: ${String(error)}`)
    return String(error)
  }
}

/** What a script of this folder prints, as JSON. */
export const runPython = (
  python: string,
  script: string,
  ...args: ReadonlyArray<string>
): unknown =>
  JSON.parse(
    execFileSync(python, ["-W", "ignore", join(import.meta.dirname, script), ...args], {
      encoding: "utf8",
      maxBuffer: 2 ** 30,
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
    }),
  )
