/** Opens pages in the browser of the person at the terminal, where there is one. */
import { spawn } from "node:child_process"
import { Effect } from "effect"

const opener = (): readonly [string, ...Array<string>] | undefined => {
  if (process.platform === "darwin") return ["open"]
  if (process.platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler"]
  const hasDisplay =
    (process.env["DISPLAY"] ?? "") !== "" || (process.env["WAYLAND_DISPLAY"] ?? "") !== ""
  return hasDisplay ? ["xdg-open"] : undefined
}

/** Opens the page if a person looks at the terminal and has a display; else does nothing. */
export const openPage = (url: string): Effect.Effect<void> =>
  Effect.sync(() => {
    const [program, ...words] = opener() ?? []
    if (program === undefined || process.stdout.isTTY !== true) return
    const child = spawn(program, [...words, url], { detached: true, stdio: "ignore" })
    // The link is printed all the same.
    child.on("error", () => {})
    child.unref()
  })
