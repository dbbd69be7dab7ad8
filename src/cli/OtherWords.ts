/** Commands and flags as other tools call them -> what does that here, or that nothing does. */
import { otherNames } from "../declaration/OtherNames.ts"

export const otherCommand = otherNames({
  what: "command",
  same: {
    "fliqs run EXPERIMENT":
      "train start search fit launch execute exec resume continue retry go experiment",
    "fliqs validate FILE": "check lint verify parse",
    "fliqs plan EXPERIMENT": "dryrun dry-run trials expand preview",
    "fliqs simulate EXPERIMENT": "rehearse sim rehearsal",
    "fliqs list": "ls ps jobs runs status state",
    "fliqs show TRIAL": "info inspect describe cat get log logs result",
    "fliqs compare EXPERIMENT": "diff table results pareto summary best",
    "fliqs cost SPACE": "price flops macs count size bops summary-cost",
    "fliqs latency SPACE": "benchmark bench measure profile time",
    "fliqs format list": "formats types dtypes",
    "fliqs format round NAME": "round quantize",
    "fliqs data list": "datasets dataset",
    "fliqs data pull NAME": "download fetch pull",
    "fliqs ui": "mlflow dashboard serve server web open board",
    "fliqs sync": "push upload send publish flush",
    "fliqs doctor": "setup env diagnose health system",
    "fliqs init": "new create scaffold template",
    "fliqs --help": "help man usage",
    "fliqs --version": "version",
  },
  say: {
    "what is trained is kept in the state folder, and fliqs show TRIAL names it":
      "export save convert deploy onnx",
    "a run evaluates what it found; fliqs show TRIAL prints it":
      "evaluate eval test predict infer score",
    "Ctrl-C in the terminal of a run stops it, and the same run goes on from there":
      "stop kill cancel pause",
    "fliqs run EXPERIMENT --restart puts what is there aside": "reset rm remove delete clear",
    "every setting of a file is changed by --set path=value": "set config configure",
  },
})

export const otherFlag = otherNames({
  what: "flag",
  same: {
    "--jobs": "workers parallel processes procs concurrency nproc numWorkers",
    "--restart": "force overwrite fresh scratch clean reset",
    "--no-track": "noMlflow noTracking offline noLog noLogging dryTrack",
    "--only": "trial trials id select",
    "--set": "override param params config define",
    "--state": "stateDir workdir workDir dir directory runDir logDir outputDir",
    "--json": "machine raw jsonOutput",
    "--out": "output outfile outputFile save",
    "--fail-fast": "stopOnError exitOnError",
    "--max-failed": "maxFailures maxErrors failuresAllowed",
    "--retry-failed": "retry rerunFailed",
    "--yes": "y assumeYes confirm",
    "--uniform": "format precision dtype",
  },
  say: {
    "fliqs plan EXPERIMENT shows what would run": "dryRun noop simulate whatIf",
    "the same command goes on from where it was": "resume continue checkpoint",
    "it is a setting: --set train.steps=N": "steps iterations maxSteps",
    "there are no epochs: --set train.steps=N": "epochs epoch",
    "it is a setting: --set seed=N": "seed",
    "it is a setting: --set data.batchSize=N": "batchSize batch bs",
    "it is a setting: --set train.learningRate.peak=X": "lr learningRate",
    "it is a setting: --set reward.cost.target=X": "target budget cost",
    "it is a setting: --set threads=N": "threads cpus cores",
    "it is a setting: --set data.kind=NAME": "data dataset",
    "it is a setting: --set space=FILE": "space model network",
    "it is a setting: --set search.kind=NAME": "search algorithm method",
    "everything runs on processors": "gpu gpus cuda device accelerator",
    "NO_COLOR=1 in the environment does that": "noColor noColour color",
    "progress goes to stderr: 2>/dev/null hides it": "quiet q silent",
    "there is no more output; log.txt in the folder of a trial has all": "verbose vv debug",
  },
})
