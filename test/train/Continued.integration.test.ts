/** A begun trial keeps the variables that its bits depend on, whatever the environment says when it goes on. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { Arithmetic } from "../../src/train/ArithmeticRecord.ts"

const script = fileURLToPath(new URL("continued.ts", import.meta.url))
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fliqs-continued-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Told {
  readonly arithmetic: Arithmetic
  readonly alarms: ReadonlyArray<string>
  readonly log: ReadonlyArray<string>
}

const run = (words: ReadonlyArray<string>, setting: string | undefined): Told => {
  const { TF_ENABLE_ONEDNN_OPTS: _, ...rest } = process.env
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    ["--no-deprecation", script, words[0]!, join(folder, "snapshot"), ...words.slice(1)],
    {
      encoding: "utf8",
      env: setting === undefined ? rest : { ...rest, TF_ENABLE_ONEDNN_OPTS: setting },
    },
  )
  expect([status, stderr]).toEqual([0, ""])
  return JSON.parse(stdout) as Told
}

describe("a trial that goes on", () => {
  it.each<
    readonly [
      began: string | undefined,
      record: "kept" | "forgotten",
      now: string | undefined,
      oneDnn: Arithmetic["oneDnn"],
      isTold: boolean,
    ]
  >([
    [undefined, "kept", undefined, "on", false],
    [undefined, "kept", "0", "on", true],
    ["0", "kept", undefined, "off", false],
    ["0", "kept", "1", "off", true],
    // From before oneDNN was switched on everywhere.
    [undefined, "forgotten", undefined, "default", false],
    [undefined, "forgotten", "0", "off", false],
  ])(
    "begun with TF_ENABLE_ONEDNN_OPTS %s, its record %s, now %s: oneDNN %s",
    (began, record, now, oneDnn, isTold) => {
      const first = run(["begin"], began)
      expect(first.arithmetic.oneDnn).toBe(began === "0" ? "off" : "on")
      const words = record === "kept" ? ["continue"] : ["continue", "forget"]
      const { alarms, arithmetic, log } = run(words, now)
      expect(arithmetic.oneDnn).toBe(oneDnn)
      expect(alarms.filter((alarm) => alarm.startsWith("otherArithmetic"))).toEqual([])
      const told = log.filter((line) => line.includes("is not followed"))
      expect(told.length).toBe(isTold ? 1 : 0)
    },
  )
})
