/**
 * The native parts of the backend, as `scripts/setup.sh` makes them in the cache: TensorFlow's libraries, the addon of
 * tfjs-node, our kernels. Each is named by what it is made of, so that another version is another file.
 *
 * Left out: loading them (`Backend.ts`).
 */
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { cacheDirectory, root } from "../disk/Installation.ts"

/** The TensorFlow that the set-up fetches. */
export const tensorflowVersion = "2.21.0"

/** The steps of the set-up that make the parts. */
export type Step = "tensorflow" | "addon" | "native"

export interface Parts {
  /** The file that each step makes. */
  readonly files: Readonly<Record<Step, string>>
  /** `package.json` of tfjs-node. */
  readonly tfjs: string
}

/** The digest of `native/*.h`, then `native/*.cc`, as the set-up names what they are compiled to. */
const kernelDigest = (): string => {
  const folder = join(root, "native")
  const names = readdirSync(folder).sort()
  const hash = createHash("sha256")
  for (const ending of [".h", ".cc"])
    for (const name of names)
      if (name.endsWith(ending)) hash.update(readFileSync(join(folder, name)))
  return hash.digest("hex").slice(0, 12)
}

/** Where the parts are, or will be. Throws where the npm packages are missing. */
export const parts = (): Parts => {
  const cache = cacheDirectory()
  const home = join(cache, `tensorflow-${tensorflowVersion}`)
  const tfjs = fileURLToPath(import.meta.resolve("@tensorflow/tfjs-node/package.json"))
  const { version } = JSON.parse(readFileSync(tfjs, "utf8")) as { readonly version: string }
  return {
    tfjs,
    files: {
      tensorflow: join(home, "lib/libtensorflow_framework.so.2"),
      addon: join(home, `tfjs-${version}.node`),
      native: join(cache, `native-${kernelDigest()}`, "fliqs_native.node"),
    },
  }
}

/** The parts that are not there, in the order in which they are made. */
export const missing = ({ files }: Parts): ReadonlyArray<Step> =>
  (["tensorflow", "addon", "native"] as const).filter((step) => !existsSync(files[step]))
