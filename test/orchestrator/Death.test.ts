/** Why a process ended, from what can be seen of it. */
import { describe, expect, it } from "vitest"
import { deathOf, type Ending } from "../../src/orchestrator/Death.ts"

const v8 = `
<--- Last few GCs --->
[1:0x1] Mark-Compact 39.9 (41.8) -> 39.5 (42.1) MB, pooled: 0 MB

FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----
${Array.from({ length: 20 }, (_, i) => ` ${i}: 0xe${i} node::Something() [node]`).join("\n")}
`
const full =
  "/s/trials/a/checkpoint/5-0.safetensors: cannot write: no space is left on the disk (ENOSPC)"
const waited = `warning: waiting, at most 12 s more: ${full}; make room there\nwaited 12 s: going on\n`

const cases: ReadonlyArray<
  readonly [
    what: string,
    ending: Partial<Ending> & Pick<Ending, "exit">,
    cause: string,
    words: string,
    passes: boolean,
  ]
> = [
  ["a crash", { exit: { signal: "SIGSEGV" } }, "crash", "died of SIGSEGV", false],
  ["an exit code", { exit: { code: 70 } }, "crash", "exit code 70", false],
  ["wrong input", { exit: { code: 2 } }, "wrongInput", "exit code 2", false],
  ["silence", { exit: { lost: 900 } }, "lost", "no sign of life for 900 s", false],
  [
    "memory, by its own code",
    { exit: { code: 71 }, output: "Invalid TF_Status: 8\nMessage: OOM when allocating tensor\n" },
    "outOfMemory",
    "ran out of memory: OOM when allocating tensor",
    true,
  ],
  [
    "V8's heap",
    { exit: { signal: "SIGABRT" }, output: v8 },
    "outOfMemory",
    "heap out of memory",
    true,
  ],
  [
    "C++",
    {
      exit: { signal: "SIGABRT" },
      output: "terminate called after throwing an instance of 'std::bad_alloc'\n",
    },
    "outOfMemory",
    "std::bad_alloc",
    true,
  ],
  [
    "the system's killer",
    { exit: { signal: "SIGKILL" }, memoryKills: 1 },
    "outOfMemory",
    "the system killed it",
    true,
  ],
  [
    "another's kill",
    { exit: { signal: "SIGKILL" }, memoryKills: 0 },
    "crash",
    "was killed (SIGKILL), and not for memory",
    false,
  ],
  [
    "a kill where the system does not tell",
    { exit: { signal: "SIGKILL" }, memoryKills: undefined },
    "crash",
    "most often memory ran out",
    false,
  ],
  ["a full disk", { exit: { code: 74 }, output: `${full}\n` }, "storage", "(ENOSPC)", true],
  [
    "a folder that may not be written",
    { exit: { code: 74 }, output: "/s/a: cannot write: permission is denied (EACCES)\n" },
    "storage",
    "permission is denied (EACCES)",
    false,
  ],
  [
    "a library that cannot be opened",
    { exit: { code: 1 }, output: "libtensorflow.so.2: cannot open: Too many open files\n" },
    "storage",
    "Too many open files",
    true,
  ],
  [
    "a crash long after the disk was full",
    { exit: { signal: "SIGSEGV" }, output: waited },
    "crash",
    "died of SIGSEGV",
    false,
  ],
]

describe("the end of a process", () => {
  it.each(cases)("by %s", (_, ending, cause, words, passes) => {
    const death = deathOf({ output: "", memoryKills: 0, ...ending })
    expect(death.cause).toBe(cause)
    expect(death.message).toContain(words)
    expect(death.passes).toBe(passes)
    expect(death.message).not.toContain("\n")
  })
})
