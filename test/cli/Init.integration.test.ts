/** `fliqs init`: what it writes is what `validate` accepts, is explained key by key, and overwrites nothing. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { parse } from "yaml"
import { fliqs, json } from "./fliqs.ts"

const folder = mkdtempSync(join(tmpdir(), "fliqs init "))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const templates = readdirSync(resolve("templates")).sort()

/** Keys whose names say all: they need no comment. */
const plain = new Set(["$schema", "name", "description", "height", "width", "channels"])

/** Keys with a comment neither beside them nor on the line above. */
const unexplained = (text: string): ReadonlyArray<string> => {
  const lines = text.split("\n")
  return lines.filter((line, i) => {
    const key = /^\s*(?:- )?([\w$]+):/.exec(line)?.[1]
    const explained = line.includes("#") || lines[i - 1]?.trimStart().startsWith("#") === true
    return key !== undefined && !plain.has(key) && !explained
  })
}

describe("init", () => {
  it.each(templates)("writes %s so that it is accepted as it is", async (template) => {
    const target = join(folder, "deep", template)
    const answer = await fliqs(["init", target, "--template", template, "--json"])
    expect(answer.stderr).toBe("")
    expect(json<any>(answer)).toMatchObject({ folder: target, template })
    const files = ["space.yaml", "experiment.yaml"].map((name) => join(target, name))
    const checked = await fliqs(["validate", "--json", ...files])
    for (const verdict of json<ReadonlyArray<any>>(checked))
      expect([verdict.errors, verdict.warnings]).toEqual([[], []])
    for (const file of files) {
      const text = readFileSync(file, "utf8")
      const comment = /^# yaml-language-server: \$schema=(.*)$/m.exec(text)?.[1] ?? ""
      for (const schema of [comment, parse(text).$schema])
        expect(existsSync(resolve(target, schema))).toBe(true)
      // a person types here: completion works in block style alone
      expect(text).not.toContain("{ ")
      expect(unexplained(text)).toEqual([])
    }
  })

  it("overwrites nothing and leaves nothing half done", async () => {
    const answer = await fliqs(["init", "--template", "cifar10-formats"], { cwd: folder })
    expect(answer.code).toBe(0)
    const before = readFileSync(join(folder, "space.yaml"), "utf8")
    const again = await fliqs(["init", "--template", "own-images"], { cwd: folder })
    expect(again.code).toBe(2)
    expect(again.stderr).toContain("already has space.yaml and experiment.yaml")
    expect(readFileSync(join(folder, "space.yaml"), "utf8")).toBe(before)
    expect(existsSync(join(folder, "images"))).toBe(false)
  })

  it("names the templates when there is none of that name", async () => {
    const answer = await fliqs(["init", join(folder, "no"), "--template", "vision-transfomer"])
    expect(answer.code).toBe(2)
    expect(answer.stderr).toContain("did you mean vision-transformer?")
    expect(existsSync(join(folder, "no"))).toBe(false)
    const other = await fliqs(["init", join(folder, "no"), "--template", "x"])
    for (const template of templates) expect(other.stderr).toContain(template)
  })
})
