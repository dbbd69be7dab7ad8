/** What the shell is told of the commands: `scripts/commands.txt` is held to their declaration. */
import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { Context, Option } from "effect"
import { describe, expect, it } from "vitest"
import { rootFor } from "../../src/cli/Commands.ts"
import { Needs } from "../../src/cli/LazyCommand.ts"

const file = "scripts/commands.txt"

const declared = async (): Promise<string> => {
  const { subcommands } = await rootFor([])
  return subcommands
    .flatMap(({ commands }) => commands)
    .map((command) => {
      const needs = Option.getOrElse(Context.getOption(command.annotations, Needs), () => "base")
      return `${command.name} ${needs}\n`
    })
    .join("")
}

describe("scripts/commands.txt", () => {
  it("says of every command what is declared (UPDATE=1 writes it)", async () => {
    const text = await declared()
    expect(text).toContain("trial tensors\n")
    if (process.env["UPDATE"] !== undefined) writeFileSync(file, text)
    expect(readFileSync(file, "utf8")).toBe(text)
  })

  it.each([
    ["trial --id x", "tensors"],
    ["latency space.yaml", "tensors"],
    ["--log-level none latency space.yaml", "tensors"],
    ["run x.yaml", "base"],
    ["run latency", "base"],
    ["latency --help", "base"],
    ["-- latency", "base"],
    ["no-command", "base"],
    ["", "base"],
  ])("is read by the shell: fliqs %s", (line, set) => {
    const words = line === "" ? [] : line.split(" ")
    const script = 'root=$PWD; . scripts/ready.sh; needs "$@"'
    const answer = execFileSync("sh", ["-c", script, "sh", ...words], { encoding: "utf8" })
    expect(answer).toBe(`${set}\n`)
  })
})
