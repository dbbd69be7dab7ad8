import { beforeAll } from "vitest"
import { loadBackend } from "../tensor/support.ts"
import { describeSameValues } from "./sameValues.ts"

beforeAll(() => loadBackend(false))
describeSameValues()
