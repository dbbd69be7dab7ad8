import { beforeAll } from "vitest"
import { loadBackend } from "../tensor/support.ts"
import { describeClipping } from "./clipping.ts"

beforeAll(() => loadBackend(true))
describeClipping()
