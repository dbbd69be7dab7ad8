import { beforeAll } from "vitest"
import { loadBackend } from "../tensor/support.ts"
import { describeLearned } from "./learned.ts"

beforeAll(() => loadBackend(false))
describeLearned()
