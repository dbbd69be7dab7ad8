/** A process that has ended and is not collected. */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { setTimeout } from "node:timers/promises"

/** Its number and start, and what ends its parent, which never collects it. */
export const makeZombie = async () => {
  // The shell becomes `sleep` before its child ends.
  const parent = spawn("sh", ["-c", "sleep 0.3 & echo $!; exec sleep 60"])
  const said = await new Promise<Buffer>((resolve) => parent.stdout.once("data", resolve))
  const pid = Number(said.toString())
  for (;;) {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    if (fields[0] === "Z") return { pid, start: fields[19]!, end: () => parent.kill("SIGKILL") }
    await setTimeout(20)
  }
}
