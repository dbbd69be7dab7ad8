/** Loads the backend in a process of its own, runs a convolution, and prints what bits depend on. */
import { Effect } from "effect"
import * as Backend from "../../src/tensor/Backend.ts"

await Effect.runPromise(Backend.load({ threads: 1 }))
const { tf } = Backend
tf.conv2d(tf.ones<Backend.Rank.R4>([8, 16, 16, 16]), tf.ones([3, 3, 16, 16]), 1, "same").dataSync()
console.log(`\n${JSON.stringify(Backend.loaded())}`)
