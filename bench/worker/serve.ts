/**
 * The worker's side of the bench: a warm process that runs steps when it is told to.
 *
 * It writes `ready` and a line of JSON once it is warm; then a line `N` on standard input runs N steps and is answered
 * by their milliseconds per step, and the line `counts` by the tensors and handles that are alive. The peers in
 * `peers/torch/serve.py` speak the same. Left out: what a step is.
 */
import { createInterface } from "node:readline"
import { counts, loaded } from "../../src/tensor/Backend.ts"

export interface Serving {
  readonly step: () => unknown
  /** Steps before the first that count. */
  readonly warm: number
  /** Told once, beside the versions. */
  readonly facts?: Readonly<Record<string, unknown>>
}

export const serve = async ({ step, warm, facts }: Serving): Promise<void> => {
  for (let i = 0; i < warm; i++) await step()
  const told = { ...loaded(), node: process.versions.node, ...facts }
  console.log(`ready ${JSON.stringify(told)}`)
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "counts") {
      console.log(JSON.stringify(counts()))
      continue
    }
    const steps = Number(line)
    const start = performance.now()
    for (let i = 0; i < steps; i++) await step()
    console.log((performance.now() - start) / steps)
  }
  process.exit()
}
