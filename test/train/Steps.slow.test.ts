import { testBitEquality } from "./bitEquality.ts"

testBitEquality(1)
