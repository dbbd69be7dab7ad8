/** Where the files of a run come from, for the tracker: the commit of the folder it is started in. */
import { Effect } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"

const commit = Effect.gen(function* () {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  return yield* spawner.string(
    ChildProcess.make("git", ["rev-parse", "HEAD"], { stderr: "ignore" }),
  )
}).pipe(
  Effect.map((text) => text.trim()),
  Effect.timeout("3 seconds"),
  Effect.orElseSucceed(() => ""),
)

/** Tags that name the commit; none outside a repository. */
export const commitTags = Effect.map(commit, (hash): Readonly<Record<string, string>> =>
  /^[0-9a-f]{40,64}$/.test(hash) ? { "mlflow.source.git.commit": hash } : {},
)
