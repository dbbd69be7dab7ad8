import { beforeAll } from "vitest"
import { loadBackend } from "../tensor/support.ts"
import { describeZeroPoints } from "./zeroPoints.ts"

beforeAll(() => loadBackend(true))
describeZeroPoints()
