import { beforeAll } from "vitest"
import { describeSameBits } from "./sameBits.ts"
import { loadBackend } from "./support.ts"

beforeAll(() => loadBackend(false, 1))
describeSameBits(["sgd with momentum"])
