import { describeScales } from "./scales.ts"

describeScales(true)
