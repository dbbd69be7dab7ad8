/**
 * The script that each task of a job array runs, and the options of `sbatch`. The script starts the trial's command, passes
 * on the signal before the time limit, queues the task again when the trial has saved and asks for it (exit code 75), and
 * writes down how it ended. It needs `sh` and the shared folder on the node, nothing else.
 */
import { shellWord } from "../../declaration/Shell.ts"
import { bytesOf, type Resources, secondsOf } from "../../experiment/Resources.ts"
import { exitCodes } from "../ExitCode.ts"

/** Seconds before the time limit at which a trial is told to save; less where the limit is short. */
const notice = (time: number | undefined): number =>
  time === undefined ? 60 : Math.max(10, Math.min(60, Math.floor(time / 4)))

export interface Asked {
  readonly resources: Resources
  readonly threads: number
}

/** The options that ask for what a trial needs. */
export const optionsOf = ({ resources, threads }: Asked): ReadonlyArray<string> => {
  const { account, cpus = threads, extra = [], gres, memory, partition, time } = resources
  const seconds = time === undefined ? undefined : secondsOf(time)
  return [
    "--nodes=1",
    "--ntasks=1",
    `--cpus-per-task=${cpus}`,
    ...(memory === undefined ? [] : [`--mem=${Math.ceil(bytesOf(memory) / 2 ** 20)}M`]),
    // Slurm counts minutes.
    ...(seconds === undefined ? [] : [`--time=${Math.ceil(seconds / 60)}`]),
    ...(partition === undefined ? [] : [`--partition=${partition}`]),
    ...(gres === undefined ? [] : [`--gres=${gres}`]),
    ...(account === undefined ? [] : [`--account=${account}`]),
    "--requeue",
    "--open-mode=append",
    // B: the script hears it, which only steps do else.
    `--signal=B:TERM@${notice(seconds)}`,
    ...extra,
  ]
}

/** What a task needs to see: its programs and folders, by absolute paths. */
export const scriptOf = (options: {
  readonly batch: string
  readonly state: string
  readonly needed: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
}): string => {
  const { batch, environment, needed, state } = options
  return `#!/bin/sh
# One task of a job array: runs the trial of its line in "tasks". Written by fliqs; exit codes as in docs/slurm.md.
batch=${shellWord(batch)}
state=${shellWord(state)}
task=$SLURM_ARRAY_TASK_ID
start=\${SLURM_RESTART_COUNT:-0}
node=\${SLURMD_NODENAME:-$(hostname)}

# How many processes of this group the system has killed for memory.
memory_kills() {
  group=$(sed -n 's/^0:://p' /proc/self/cgroup 2>/dev/null)
  sed -n 's/^oom_kill //p' "/sys/fs/cgroup$group/memory.events" 2>/dev/null
}

# record CODE [WHY]: writes down how this start ended.
record() {
  kills=$(memory_kills)
  printf '%s %s %s %s\\n' "$1" "$((\${kills:-0} - \${kills_before:-0}))" "$node" "\${2-}" >"$batch/$task.$start.exit.$$" &&
    mv "$batch/$task.$start.exit.$$" "$batch/$task.$start.exit"
}

# unready WHY: this node cannot run trials.
unready() {
  echo "node $node $1" >&2
  record ${exitCodes.notReady} "$1"
  exit ${exitCodes.notReady}
}

for file in ${needed.map(shellWord).join(" ")}; do
  [ -e "$file" ] || unready "cannot see $file: it has to be on a file system that all nodes share"
done
line=$(sed -n "$((task + 1))p" "$batch/tasks")
id=\${line%%	*}
command=\${line#*	}
folder=$state/trials/$id
[ -n "$id" ] && [ -r "$folder/trial.json" ] || unready "cannot read $folder/trial.json: the state folder has to be on a file system that all nodes share"
[ -w "$folder" ] || unready "cannot write $folder"
cd "$state" || unready "cannot enter $state"
kills_before=$(memory_kills)
${Object.entries(environment)
  .map(([name, value]) => `export ${name}=${shellWord(value)}`)
  .join("\n")}

exec >>"$folder/log.txt" 2>&1
echo "--- Slurm job \${SLURM_ARRAY_JOB_ID}_$task on $node, start $start"
saved() { ls "$folder/checkpoint" 2>/dev/null | grep -v '^\\.' | sort -n | tail -n 1; }
before=$(saved)
signalled=
trap 'signalled=yes; kill -TERM "$child" 2>/dev/null' TERM INT USR1
eval "set -- $command"
"$@" </dev/null &
child=$!
[ -z "$signalled" ] || kill -TERM "$child" 2>/dev/null
# A wait that a signal interrupts returns more than 128, and says nothing of the child.
wait "$child"
code=$?
while [ "$code" -gt 128 ] && [ -n "$signalled" ]; do
  signalled=
  wait "$child"
  again=$?
  [ "$again" = 127 ] || code=$again
done
record "$code"
# It has saved: its next start goes on from there. One that saved nothing new is left to whoever watches.
if [ "$code" = ${exitCodes.stopped} ] && [ ! -e "$batch/cancelled" ] && [ ! -e "$batch/$task.cancelled" ] && [ "$(saved)" != "$before" ]; then
  # This script is ended by it.
  scontrol requeue "$SLURM_JOB_ID" && sleep 300
fi
exit "$code"
`
}
