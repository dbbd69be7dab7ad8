import { beforeAll } from "vitest"
import { describeSameBits, optimizerNames } from "./sameBits.ts"
import { loadBackend } from "./support.ts"

beforeAll(() => loadBackend(true, 2))
describeSameBits(optimizerNames)
