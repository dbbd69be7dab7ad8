/** TensorFlow.js on WebAssembly as files for a browser, out of the npm packages. Left out: the page (`demo/`). */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

const require = createRequire(import.meta.url)

const fileOf = (name: string, file: string): Uint8Array =>
  readFileSync(join(dirname(require.resolve(`@tensorflow/${name}/package.json`)), "dist", file))

export interface BrowserRuntime {
  /** Classic scripts in the order they are loaded, which fill `tf`. */
  readonly scripts: Readonly<Record<string, Uint8Array>>
  /** The WebAssembly module with SIMD: one thread, which needs no headers of the server. */
  readonly wasm: Uint8Array
}

export const browserRuntime = (): BrowserRuntime => ({
  scripts: {
    "tf-core.js": fileOf("tfjs-core", "tf-core.es2017.min.js"),
    "tf-converter.js": fileOf("tfjs-converter", "tf-converter.es2017.min.js"),
    "tf-backend-wasm.js": fileOf("tfjs-backend-wasm", "tf-backend-wasm.es2017.min.js"),
  },
  wasm: fileOf("tfjs-backend-wasm", "tfjs-backend-wasm-simd.wasm"),
})
