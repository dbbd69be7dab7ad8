import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { nearestExisting, whyNotWritable } from "../../src/disk/Writable.ts"

const folder = mkdtempSync(join(tmpdir(), "fliqs-writable-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
mkdirSync(join(folder, "kept"))
writeFileSync(join(folder, "file"), "")
symlinkSync("kept", join(folder, "link"))

describe("a folder to write in", () => {
  it.each([
    ["kept", "kept", undefined],
    ["kept/a/b", "kept", undefined],
    ["link/a", "link", undefined],
    ["kept/../kept/", "kept", undefined],
    ["file", "file", "is a file"],
    ["file/a", "file", "is a file"],
  ])("%s", (path, existing, reason) => {
    expect(nearestExisting(join(folder, path))).toBe(join(folder, existing))
    expect(whyNotWritable(join(folder, path))).toBe(
      reason === undefined ? undefined : `${join(folder, existing)} ${reason}`,
    )
  })

  it.skipIf(process.getuid?.() === 0)("that only others may write in", () => {
    chmodSync(join(folder, "kept"), 0o555)
    expect(whyNotWritable(join(folder, "kept/a"))).toBe("permission is denied (EACCES)")
    chmodSync(join(folder, "kept"), 0o755)
  })

  it("of the kernel", () => {
    expect(whyNotWritable("/proc/self")).toMatch(/permission is denied|not permitted|read-only/)
  })
})
