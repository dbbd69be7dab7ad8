/** oneDNN in processes of their own: TensorFlow reads the variables once. Shown by oneDNN's own log of what it ran. */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import type { BackendSettings } from "../../src/tensor/Backend.ts"

const script = fileURLToPath(new URL("loads.ts", import.meta.url))

const run = (environment: Readonly<Record<string, string>>) => {
  const { TF_ENABLE_ONEDNN_OPTS: _, ONEDNN_MAX_CPU_ISA: _isa, ...rest } = process.env
  const { status, stderr, stdout } = spawnSync(process.execPath, ["--no-deprecation", script], {
    encoding: "utf8",
    env: { ...rest, ONEDNN_VERBOSE: "1", ...environment },
  })
  const told = stdout.trimEnd().split("\n").at(-1) ?? ""
  return {
    status,
    stderr,
    ran: /onednn_verbose,.*exec,cpu,convolution/.test(stdout),
    settings: () => JSON.parse(told) as BackendSettings,
  }
}

describe("Backend.load", () => {
  it.each<readonly [Readonly<Record<string, string>>, "on" | "off"]>([
    [{}, "on"],
    [{ TF_ENABLE_ONEDNN_OPTS: "1" }, "on"],
    [{ TF_ENABLE_ONEDNN_OPTS: "0" }, "off"],
    [{ ONEDNN_MAX_CPU_ISA: "AVX2" }, "on"],
  ])("with %j has oneDNN %s", (environment, oneDnn) => {
    const { ran, settings, stderr } = run(environment)
    expect(stderr).toBe("")
    const { arithmetic } = settings()
    expect(arithmetic).toMatchObject({
      oneDnn,
      intraOpThreads: 1,
      interOpThreads: 1,
      variables: { ...environment, TF_ENABLE_ONEDNN_OPTS: oneDnn === "on" ? "1" : "0" },
    })
    expect(arithmetic.processorFlags.length).toBeGreaterThan(0)
    expect(ran).toBe(oneDnn === "on")
  })

  it("refuses a value that TensorFlow would pass over", () => {
    const { status, stderr } = run({ TF_ENABLE_ONEDNN_OPTS: "yes" })
    expect(status).not.toBe(0)
    expect(stderr).toContain("TF_ENABLE_ONEDNN_OPTS=yes: 1 or 0 would be right")
  })
})
