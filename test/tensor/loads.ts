/** Loads the backend in a process of its own, runs a convolution, and prints what bits depend on. */
import { Effect } from "effect"
import * as Backend from "../../src/tensor/Backend.ts"

await Effect.runPromise(Backend.load({ threads: 1 }))
const { tf } = Backend
const images = tf.ones([8, 16, 16, 16]) as Backend.Tensor4D
tf.conv2d(images, tf.ones([3, 3, 16, 16]), 1, "same").dataSync()
console.log(`\n${JSON.stringify(Backend.loaded())}`)
