import { describeScales } from "./scales.ts"

describeScales(false)
