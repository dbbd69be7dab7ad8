/** The commands that read the results of trials. Left out: their own files (`command/`). */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily } from "./LazyCommand.ts"
import {
  dark,
  grid,
  json,
  maybe,
  selection,
  set,
  several,
  state,
  toggle,
  trial,
  yes,
} from "./Flags.ts"

export const list = Command.make(
  "list",
  { state, json, ...selection },
  lazily(() => import("./command/List.ts")),
).pipe(
  Command.withDescription("List trials and their states, or means over groups of them"),
  Command.withExamples([
    {
      command: 'fliqs list --filter "final/accuracy>0.6 and kind=evolution" --sort accuracy',
      description: "Trials that meet conditions, the best first",
    },
    { command: "fliqs list --by arm", description: "Means over the seeds" },
  ]),
)

export const compare = Command.make(
  "compare",
  {
    experiment: grid,
    other: Argument.String("other").pipe(
      Argument.withDescription("Another one, to set beside the first"),
      Argument.optional,
    ),
    set,
    yes,
    state,
    json,
    ...selection,
    pareto: maybe(
      "pareto",
      "KEY:max,KEY:min",
      "Only what is on the Pareto front of these metrics, by its means",
    ),
    onlyChanged: toggle("only-changed", "Leave out columns in which all rows agree"),
    out: maybe(
      "out",
      "FILE.svg|png|json",
      "Draw the arms and their front; .json: as a Vega-Lite specification",
    ),
    dark,
  },
  lazily(() => import("./command/Compare.ts")),
).pipe(
  Command.withDescription(
    "Compare the arms of an experiment over their seeds, or two experiments; * marks the Pareto front",
  ),
  Command.withExamples([
    {
      command: "fliqs compare experiments/resnet8-cost-sweep.yaml",
      description: "Every arm beside the uniform control nearest in cost",
    },
    {
      command: "fliqs compare quickstart ../other:quickstart",
      description: "Two experiments, of two state folders",
    },
  ]),
)

export const best = Command.make(
  "best",
  {
    experiment: grid,
    set,
    yes,
    state,
    max: several("max", "KEY=VALUE", "Only within this, such as final/gbops=0.1"),
    min: several("min", "KEY=VALUE", "Only from this on"),
    filter: selection.filter,
    metric: maybe("metric", "KEY", "What best means; final/accuracy by default"),
    control: selection.control,
    by: Flag.Literals("by", ["arm", "trial"]).pipe(
      Flag.withDescription("arm: by means over the seeds; trial: the best single trial"),
      Flag.withDefault("arm"),
    ),
    id: toggle("id", "Print the id of the trial alone, for the next command"),
    json,
  },
  lazily(() => import("./command/Best.ts")),
).pipe(
  Command.withDescription("The best arm of an experiment and its best trial, within a cost"),
  Command.withExamples([
    {
      command: "fliqs best quickstart --max final/gbops=0.1",
      description: "The best that costs no more",
    },
    {
      command: "fliqs export $(fliqs best quickstart --id) --out best.onnx",
      description: "Its id for another command",
    },
  ]),
)

export const diff = Command.make(
  "diff",
  {
    first: Argument.String("a").pipe(
      Argument.withDescription("Trial id, or the beginning of one; DIR:ID in another state folder"),
    ),
    second: Argument.String("b").pipe(Argument.withDescription("Another one")),
    state,
    all: toggle("all", "Show what is equal too"),
    json,
  },
  lazily(() => import("./command/Diff.ts")),
).pipe(
  Command.withDescription("What two trials differ in: parameters, metrics, formats of the layers"),
)

export const show = Command.make(
  "show",
  { trial, state, json },
  lazily(() => import("./command/Show.ts")),
).pipe(Command.withDescription("Show a trial: state, parameters, metrics, assignment"))
