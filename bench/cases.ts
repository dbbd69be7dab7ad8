/** The cases of the bench, one entry each: who takes turns with whom, and what is aimed at. */
import {
  type Aim,
  type Case,
  type Contestant,
  type Figure,
  interleave,
  judged,
  peakOf,
} from "./Case.ts"
import { torch } from "./peers/Torch.ts"
import { scales } from "./scales.ts"
import { spread } from "./Statistics.ts"
import { type Command, start } from "./Worker.ts"

const node = (
  script: string,
  args: ReadonlyArray<string | number>,
  environment: Readonly<Record<string, string>> = {},
): Command => ({
  program: process.execPath,
  args: ["--no-deprecation", `bench/${script}.ts`, ...args.map(String)],
  environment,
})

/** A step of this project on a space; `options` are those of `step.ts`. */
const ours =
  (space: string, options: ReadonlyArray<string>, environment?: Readonly<Record<string, string>>) =>
  (threads: number): Command =>
    node("step", ["--serve", "--space", space, "--threads", threads, ...options], environment)

const resnet20 = "spaces/resnet20.yaml"
const resnet18 = "spaces/resnet18.yaml"
/** Steps at 224 pixels are long: fewer of them, and fewer before the first that counts. */
const large = ["--batch", "8", "--warm", "3"]
/** The formats of `spaces/resnet20-mixed.yaml`. */
const mixed = "INT4,E2M1,INT6,E3M2,INT8,E4M3,BF16"

const fp32: Contestant = { name: "fliqs FP32", command: ours(resnet20, ["--uniform", "FP32"]) }
const int4: Contestant = { name: "fliqs INT4", command: ours(resnet20, ["--uniform", "INT4"]) }
const torchFp32: Contestant = {
  name: "PyTorch FP32",
  command: (threads) => torch("resnet", threads, "resnet20", "none", "FP32"),
}
const published: Contestant = {
  name: "PyTorch INT4, published modules",
  command: (threads) => torch("resnet", threads, "resnet20", "published", "INT4"),
}
const peer = (name: string, script: string, ...args: ReadonlyArray<string>): Contestant => ({
  name,
  command: (threads) => torch(script, threads, ...args),
})
const stock = (format: string): Contestant => ({
  name: `stock tfjs ${format === "none" ? "FP32" : format}`,
  command: (threads) => node("peers/stock", [threads, format]),
})

interface Turns {
  readonly name: string
  readonly about: string
  readonly steps: number
  readonly contestants: ReadonlyArray<Contestant>
  readonly aims: ReadonlyArray<Aim>
  readonly needsTorch?: boolean
  /** Tell the peak memory too, as `NAME, peak memory`. */
  readonly memory?: boolean
}

const turns = ({ steps, contestants, aims, memory = false, ...rest }: Turns): Case => ({
  ...rest,
  run: (settings) => interleave(contestants, aims, { ...settings, steps, memory }),
})

/** Aims at time, and the same at peak memory. */
const timeAndMemory = (aims: ReadonlyArray<Aim>): ReadonlyArray<Aim> => [
  ...aims,
  ...aims.map(({ of, to }) => ({
    of: peakOf(of),
    ...(to === undefined ? {} : { to: peakOf(to) }),
  })),
]

/** Each round starts every contestant anew: milliseconds from the start of the process to the end of its first step. */
const starts =
  (contestants: ReadonlyArray<Contestant>, bounds: Readonly<Record<string, number>>): Case["run"] =>
  async ({ rounds, threads }) => {
    const times = contestants.map((): Array<number> => [])
    for (let round = 0; round <= rounds; round++)
      for (const [i, { command }] of contestants.entries()) {
        const worker = await start(command(threads))
        if (round > 0) times[i]!.push(worker.started)
        await worker.close()
      }
    const figures = contestants.map(({ name }, i) => ({ name, unit: "ms", ...spread(times[i]!) }))
    const ratios = figures.flatMap(({ name, unit, ...values }) => {
      const atMost = bounds[name]
      return atMost === undefined ? [] : [judged({ of: name, unit, atMost }, values)]
    })
    return { failures: {}, figures, ratios }
  }

/** Steps 500 to 2 500 of one worker: what its memory and its handles do. */
const growth: Case["run"] = async ({ threads }) => {
  const worker = await start(
    ours("spaces/resnet20-mixed.yaml", ["--policy", "random", "--warm", "500"])(threads),
  )
  const before = { memory: worker.memory(), ...(await worker.counts()) }
  const along: Array<number> = []
  for (let block = 0; block < 8; block++) {
    await worker.run(250)
    along.push(worker.memory())
  }
  const after = { memory: worker.memory(), ...(await worker.counts()) }
  await worker.close()
  const only = (value: number) => ({ median: value, low: value, high: value })
  const figure = (name: string, unit: string, value: number): Figure => ({
    name,
    unit,
    ...only(value),
  })
  const grown = after.memory - before.memory
  const handles = after.handles - before.handles
  return {
    failures: {},
    figures: [
      figure("resident at step 500", "MB", before.memory),
      ...along.map((value, i) => figure(`resident at step ${750 + 250 * i}`, "MB", value)),
      figure("tensors at step 2500", "", after.tensors),
      figure("handles at step 2500", "", after.handles),
    ],
    ratios: [
      judged({ of: "growth of memory", unit: "MB", atMost: 5 }, only(grown)),
      judged({ of: "growth of handles", unit: "handles", atMost: 0 }, only(handles)),
    ],
  }
}

const searchStep = (kind: "search" | "frozen", proposals: number) => (threads: number) =>
  node("worker/search", [threads, kind, proposals])

export const cases: ReadonlyArray<Case> = [
  turns({
    name: "resnet20-fp32",
    about: "ResNet-20, batch 64, no quantization",
    needsTorch: true,
    steps: 8,
    contestants: [
      fp32,
      torchFp32,
      peer("PyTorch FP32, compiled", "resnet", "resnet20", "none", "FP32", "--compile"),
      stock("none"),
    ],
    aims: [
      { of: "fliqs FP32", to: "PyTorch FP32" },
      { of: "fliqs FP32", to: "PyTorch FP32, compiled" },
      { of: "stock tfjs FP32", to: "fliqs FP32", atLeast: 3 },
    ],
  }),
  turns({
    name: "resnet20-int4",
    about: "ResNet-20, batch 64, INT4 everywhere",
    needsTorch: true,
    steps: 8,
    contestants: [
      int4,
      {
        name: "fliqs INT4, formula",
        command: ours(resnet20, ["--uniform", "INT4"], { FLIQS_NATIVE: "0" }),
      },
      { name: "fliqs INT4, eager", command: ours(resnet20, ["--uniform", "INT4", "--eager"]) },
      published,
      peer("PyTorch INT4, lean", "resnet", "resnet20", "lean", "INT4"),
      peer(
        "PyTorch INT4, published, compiled",
        "resnet",
        "resnet20",
        "published",
        "INT4",
        "--compile",
      ),
      stock("INT4"),
    ],
    aims: [
      { of: "fliqs INT4", to: published.name, atMost: 0.7 },
      { of: "fliqs INT4", to: "PyTorch INT4, lean" },
      { of: "fliqs INT4", to: "PyTorch INT4, published, compiled" },
      { of: "fliqs INT4, formula", to: published.name },
      { of: "fliqs INT4, eager", to: published.name },
      { of: "stock tfjs INT4", to: "fliqs INT4", atLeast: 3 },
    ],
  }),
  turns({
    name: "resnet20-e4m3",
    about: "ResNet-20, batch 64, E4M3 everywhere",
    needsTorch: true,
    steps: 8,
    contestants: [
      { name: "fliqs E4M3", command: ours(resnet20, ["--uniform", "E4M3"]) },
      peer("PyTorch E4M3, lean", "resnet", "resnet20", "lean", "E4M3"),
      peer("PyTorch E4M3, compiled", "resnet", "resnet20", "by_row", "E4M3", "--compile"),
    ],
    aims: [
      { of: "fliqs E4M3", to: "PyTorch E4M3, lean", atMost: 0.7 },
      { of: "fliqs E4M3", to: "PyTorch E4M3, compiled" },
    ],
  }),
  turns({
    name: "resnet20-random",
    about: "ResNet-20, batch 64, another mix of seven formats every step",
    needsTorch: true,
    steps: 8,
    contestants: [
      { name: "fliqs random", command: ours("spaces/resnet20-mixed.yaml", ["--policy", "random"]) },
      { name: "fliqs fixed", command: ours("spaces/resnet20-mixed.yaml", ["--policy", "once"]) },
      fp32,
      published,
      peer("PyTorch random, lean", "resnet", "resnet20", "lean", mixed),
      peer("PyTorch random, compiled", "resnet", "resnet20", "by_row", mixed, "--compile"),
    ],
    aims: [
      { of: "fliqs random", to: published.name, atMost: 0.7 },
      { of: "fliqs random", to: "PyTorch random, lean" },
      { of: "fliqs random", to: "PyTorch random, compiled" },
      { of: "fliqs random", to: "fliqs FP32", atMost: 1.1 },
      { of: "fliqs random", to: "fliqs fixed", atMost: 1.03 },
    ],
  }),
  turns({
    name: "resnet18",
    about: "ResNet-18 at 224 pixels, batch 8: time and peak memory",
    needsTorch: true,
    memory: true,
    steps: 2,
    contestants: [
      { name: "fliqs FP32", command: ours(resnet18, ["--uniform", "FP32", ...large]) },
      peer("PyTorch FP32", "resnet", "resnet18", "none", "FP32", ...large),
      { name: "fliqs random", command: ours(resnet18, ["--policy", "random", ...large]) },
      peer(
        "PyTorch random, lean",
        "resnet",
        "resnet18",
        "lean",
        "INT4,INT5,INT6,INT7,INT8,BF16",
        ...large,
      ),
    ],
    aims: timeAndMemory([
      { of: "fliqs FP32", to: "PyTorch FP32" },
      { of: "fliqs random", to: "PyTorch random, lean" },
      { of: "fliqs random", to: "fliqs FP32" },
    ]),
  }),
  turns({
    name: "supernet",
    about: "Inverted residuals, batch 64, another architecture and mix of formats every step",
    needsTorch: true,
    // Architectures differ in size: enough of them in each round.
    steps: 32,
    contestants: [
      { name: "fliqs random", command: ours("bench/spaces/supernet.yaml", ["--policy", "random"]) },
      {
        name: "fliqs largest",
        command: ours("bench/spaces/supernet.yaml", ["--policy", "random", "--largest"]),
      },
      {
        name: "fliqs supernet at its largest",
        command: ours("bench/spaces/supernet.yaml", ["--policy", "widest"]),
      },
      peer("PyTorch random", "supernet", "random", "lean"),
      peer("PyTorch largest", "supernet", "largest", "lean"),
    ],
    aims: [
      { of: "fliqs random", to: "fliqs largest", atMost: 0.45 },
      { of: "fliqs supernet at its largest", to: "fliqs largest" },
      { of: "fliqs random", to: "PyTorch random" },
      { of: "PyTorch random", to: "PyTorch largest" },
    ],
  }),
  turns({
    name: "vit",
    about: "Vision transformer, depth 6, width 192, 64 tokens, batch 64",
    needsTorch: true,
    steps: 4,
    contestants: [
      { name: "fliqs FP32", command: ours("bench/spaces/vit.yaml", ["--uniform", "FP32"]) },
      { name: "fliqs random", command: ours("bench/spaces/vit.yaml", ["--policy", "random"]) },
      peer("PyTorch FP32", "vit", "none"),
      peer("PyTorch FP32, compiled", "vit", "none", "--compile"),
      peer("PyTorch random, lean", "vit", "lean"),
    ],
    aims: [
      { of: "fliqs FP32", to: "PyTorch FP32", atMost: 0.65 },
      { of: "fliqs FP32", to: "PyTorch FP32, compiled" },
      { of: "fliqs random", to: "PyTorch random, lean", atMost: 0.65 },
      { of: "fliqs random", to: "fliqs FP32" },
    ],
  }),
  turns({
    name: "evaluate",
    about: "ResNet-20, batch 64, INT4: evaluation, and held-out quality by batch statistics",
    needsTorch: true,
    steps: 16,
    contestants: [
      {
        name: "fliqs evaluation",
        command: ours(resnet20, ["--uniform", "INT4", "--pass", "evaluate"]),
      },
      {
        name: "fliqs held-out quality",
        command: ours(resnet20, ["--uniform", "INT4", "--pass", "measure"]),
      },
      peer("PyTorch evaluation", "resnet", "resnet20", "published", "INT4", "--evaluate"),
    ],
    aims: [
      { of: "fliqs evaluation", to: "PyTorch evaluation" },
      { of: "fliqs held-out quality", to: "PyTorch evaluation" },
    ],
  }),
  turns({
    name: "quantizer",
    about: "Fake quantization of 2^20 numbers, forward, alone",
    needsTorch: true,
    steps: 100,
    contestants: [
      {
        name: "fused kernel INT4",
        command: (threads) => node("worker/quantizer", [threads, "INT4"]),
      },
      {
        name: "fused kernel E4M3",
        command: (threads) => node("worker/quantizer", [threads, "E4M3"]),
      },
      {
        name: "formula INT4",
        command: (threads) => node("worker/quantizer", [threads, "INT4"], { FLIQS_NATIVE: "0" }),
      },
      peer("PyTorch INT4, published modules", "quantizer", "published", "INT4"),
      peer("PyTorch INT4, lean", "quantizer", "lean", "INT4"),
      peer("PyTorch E4M3, lean", "quantizer", "lean", "E4M3"),
      peer("PyTorch INT4, compiled", "quantizer", "by_row", "INT4", "--compile"),
    ],
    aims: [
      { of: "fused kernel INT4", to: "PyTorch INT4, published modules" },
      { of: "fused kernel INT4", to: "PyTorch INT4, compiled" },
      { of: "fused kernel E4M3", to: "PyTorch E4M3, lean" },
      { of: "formula INT4", to: "fused kernel INT4" },
    ],
  }),
  turns({
    name: "scale-rules",
    about: "Training step of ResNet-20, batch 64, random formats, by where scales come from",
    steps: 4,
    contestants: Object.entries(scales).map(([name, scale]) => ({
      name,
      command: ours("spaces/resnet20-mixed.yaml", ["--scale", JSON.stringify(scale)]),
    })),
    aims: Object.keys(scales).map((of) => ({ of, to: "absmax" })),
  }),
  turns({
    name: "search",
    about:
      "A step of a search on ResNet-20, batch 64, as trials run it, beside the loop with the policy frozen",
    steps: 10,
    contestants: [
      { name: "search, 4 proposals", command: searchStep("search", 4) },
      { name: "frozen, 4 proposals", command: searchStep("frozen", 4) },
      { name: "search, 1 proposal", command: searchStep("search", 1) },
      { name: "frozen, 1 proposal", command: searchStep("frozen", 1) },
      { name: "training only", command: searchStep("frozen", 0) },
    ],
    aims: [
      { of: "search, 4 proposals", to: "frozen, 4 proposals", atMost: 1.03 },
      { of: "search, 1 proposal", to: "frozen, 1 proposal", atMost: 1.03 },
      { of: "frozen, 1 proposal", to: "training only" },
      { of: "frozen, 4 proposals", to: "training only" },
    ],
  }),
  turns({
    name: "throughput",
    about:
      "Two trials of one thread together, beside one trial of two: ResNet-20, batch 64, INT4, time per step of all",
    steps: 8,
    contestants: [
      { ...int4, name: "two trials, one thread each", threads: 1, together: 2 },
      { ...int4, name: "one trial, two threads", threads: 2 },
    ],
    aims: [{ of: "one trial, two threads", to: "two trials, one thread each" }],
  }),
  {
    name: "first-step",
    about: "From the start of the process to the end of the first step: ResNet-20, batch 64, INT4",
    needsTorch: true,
    run: starts(
      [
        { name: "fliqs step", command: ours(resnet20, ["--uniform", "INT4", "--warm", "1"]) },
        {
          name: "fliqs trial with its data",
          command: (threads) => node("worker/search", [threads, "search", 1, 1]),
        },
        peer("PyTorch", "resnet", "resnet20", "published", "INT4", "--warm", "1"),
        peer(
          "PyTorch, compiled",
          "resnet",
          "resnet20",
          "published",
          "INT4",
          "--warm",
          "1",
          "--compile",
        ),
      ],
      { "fliqs step": 3000, "fliqs trial with its data": 3000 },
    ),
  },
  {
    name: "memory",
    about: "ResNet-20, batch 64, another mix of formats every step: steps 500 to 2 500",
    run: growth,
  },
]
