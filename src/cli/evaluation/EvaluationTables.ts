/** An evaluation as JSON and as text that fits the terminal. Left out: measuring (`../command/Evaluate.ts`). */
import { pathText } from "../../declaration/Errors.ts"
import {
  accuracyOf,
  type ClassRecall,
  imagesOf,
  type Mistake,
  mistakesOf,
  recallsOf,
} from "../../export/evaluate/Confusion.ts"
import { multipliesIntegers } from "../../export/evaluate/LayerProfile.ts"
import type { PairedTimes } from "../../export/evaluate/PairedTimes.ts"
import type { Evaluation } from "./Evaluation.ts"
import { bold, dim, percent, short, table, width } from "../Output.ts"

const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0)

const describeTimes = ({ ms, rounds, twin }: PairedTimes) => ({
  rounds,
  ms,
  fp32Ms: twin?.ms ?? null,
  ratio: twin?.ratio ?? null,
  ratioRange: twin?.ratioRange ?? null,
})

const describeLatency = ({ batch, integerTimes, isInteger, threads, times }: Evaluation) => ({
  batch,
  threads,
  integers: isInteger,
  ...describeTimes(times),
  inIntegers: integerTimes === undefined ? null : describeTimes(integerTimes),
})

const describeSize = ({ predicted, sizes, twin }: Evaluation) => ({
  ...sizes,
  fp32: typeof twin === "number" ? twin : null,
  timesSmaller: typeof twin === "number" ? twin / sizes.file : null,
  memoryCost: predicted?.memory ?? null,
  predictedWeights: predicted?.weights ?? null,
})

const describeLayers = ({ isProfiled, model, profiles: [own, float] }: Evaluation) =>
  (own?.layers ?? []).map(({ ms, path, products }, i) => {
    const twin = float?.layers[i]
    return {
      path,
      weights: model.layers[path]!.weights,
      activations: model.layers[path]!.activations,
      stored: model.layers[path]!.stored,
      kernels: products,
      fp32Kernels: twin?.products ?? [],
      ...(isProfiled ? { ms, fp32Ms: twin?.ms ?? null } : {}),
    }
  })

/** As `--json` shows it. */
export const describeEvaluation = (evaluation: Evaluation) => {
  const { classNames, confusion, dataName, finalAccuracy, model, name, profiles, runtime } =
    evaluation
  const accuracy = accuracyOf(confusion)
  return {
    name,
    trial: model.trial ?? null,
    network: typeof model.network === "string" ? null : model.network.name,
    runtime,
    opset: evaluation.opset,
    data: { name: dataName, split: "test", images: imagesOf(confusion) },
    accuracy,
    topFive: confusion.inFive / imagesOf(confusion),
    finalAccuracy: finalAccuracy ?? null,
    difference: finalAccuracy === undefined ? null : accuracy - finalAccuracy,
    notFinite: sum(confusion.invalid),
    classes: recallsOf(confusion, classNames).map(({ recall, ...rest }) => ({
      ...rest,
      recall: recall ?? null,
    })),
    confusion: confusion.counts.map((row) => [...row]),
    size: describeSize(evaluation),
    latency: describeLatency(evaluation),
    layers: describeLayers(evaluation),
    ...(evaluation.isProfiled
      ? { rest: { ms: profiles[0]?.rest, fp32Ms: profiles[1]?.rest } }
      : {}),
  }
}

const recallText = ({ recall }: ClassRecall): string =>
  recall === undefined ? "no image" : percent(recall)

/** Class by class, a row each: recall, and how many were taken for which class. */
const matrixOf = ({ classNames, confusion }: Evaluation): string =>
  table(
    ["class", "recall", ...[...classNames.keys()].map(String)],
    recallsOf(confusion, classNames).map((each, c) => [
      `${c}: ${each.name}`,
      recallText(each),
      ...[...confusion.counts[c]!].map(String),
    ]),
  )

/** Classes of the lowest recall that are shown where the whole matrix does not fit. */
const mostClasses = 20
const mostMistakes = 10

const mistakeText = ({ from, images, to }: Mistake, names: ReadonlyArray<string>) => [
  names[from]!,
  names[to]!,
  String(images),
]

/** What fits of it: the classes of the lowest recall, the mistakes made most often. */
const lowestOf = ({ classNames, confusion }: Evaluation): string => {
  const recalls = recallsOf(confusion, classNames)
  const lowest = recalls.toSorted((a, b) => (a.recall ?? 2) - (b.recall ?? 2)).slice(0, mostClasses)
  const left = recalls.length - lowest.length
  const mistakes = mistakesOf(confusion, mostMistakes)
  return [
    table(
      ["class", "images", "right", "recall"],
      lowest.map((each) => [each.name, String(each.images), String(each.right), recallText(each)]),
    ),
    ...(left === 0 ? [] : [dim(`and ${left} classes of higher recall; --json has all`)]),
    ...(mistakes.length === 0
      ? []
      : [
          "",
          table(
            ["of class", "taken for", "images"],
            mistakes.map((each) => mistakeText(each, classNames)),
          ),
        ]),
  ].join("\n")
}

const confusionText = (evaluation: Evaluation, columns: number): string => {
  const { classNames } = evaluation
  // Of very many classes the matrix is not even made.
  const matrix = classNames.length > 40 ? undefined : matrixOf(evaluation)
  return matrix !== undefined && matrix.split("\n").every((line) => width(line) <= columns)
    ? `${matrix}\n${dim("a row for each class, a column for what its images were taken for")}`
    : lowestOf(evaluation)
}

const kiloBytes = (bytes: number): string => `${short(bytes / 1e3)} kB`

const signed = (value: number, digits: number): string =>
  `${value < 0 ? "" : "+"}${value.toFixed(digits)}`

const sizeText = ({ predicted, sizes, twin }: Evaluation): string => {
  const { constants, file, graph, weights } = sizes
  const difference = (own: number, cost: number) => `${signed((100 * (own - cost)) / cost, 1)} %`
  const rows = [
    [
      "weights and their scales",
      kiloBytes(weights),
      ...(predicted === undefined || predicted.weights === 0
        ? []
        : [kiloBytes(predicted.weights), difference(weights, predicted.weights)]),
    ],
    [
      "biases, norms, positions",
      kiloBytes(constants),
      ...(predicted === undefined ? [] : [kiloBytes(predicted.memory - predicted.weights)]),
    ],
    [
      "both",
      kiloBytes(weights + constants),
      ...(predicted === undefined || predicted.memory === 0
        ? []
        : [kiloBytes(predicted.memory), difference(weights + constants, predicted.memory)]),
    ],
    ["graph, names, metadata", kiloBytes(graph)],
    ["file", kiloBytes(file)],
    ...(typeof twin === "number"
      ? [["FP32 twin", kiloBytes(twin), "", `${short(twin / file, 3)} x`]]
      : []),
  ]
  return table(["size", "bytes", "memory cost", "difference"], rows)
}

/** A line under the heads of the others. */
const headed = (head: string, text: string): string => `${bold(head.padEnd(10))}  ${text}`

/** Times of the file where the runtime is left to multiply integers. */
const integerText = ({ integerTimes }: Evaluation): ReadonlyArray<string> => {
  if (integerTimes === undefined) return []
  const { ms, twin } = integerTimes
  const ratio = twin === undefined ? "" : `, ratio ${short(twin.ratio, 3)}`
  return [headed("", `in integers ${short(ms, 3)} ms${ratio}; --integers has their accuracy`)]
}

const latencyText = (evaluation: Evaluation): ReadonlyArray<string> => {
  const {
    batch,
    isInteger,
    threads,
    times: { ms, rounds, twin },
    twin: why,
  } = evaluation
  const how = `${isInteger ? "in integers, " : ""}batch ${batch}, ${threads} ${threads === 1 ? "thread" : "threads"}, median of ${rounds} rounds`
  if (twin === undefined)
    return [
      headed("latency", `${short(ms, 3)} ms; no FP32 twin: ${pathText(String(why))}`),
      headed("", how),
      ...integerText(evaluation),
    ]
  const range = twin.ratioRange.map((ratio) => short(ratio, 3)).join(" to ")
  return [
    headed("latency", `${short(ms, 3)} ms; FP32 twin ${short(twin.ms, 3)} ms`),
    headed("ratio", `${short(twin.ratio, 3)}; in half of the rounds ${range}`),
    headed("", how),
    ...integerText(evaluation),
  ]
}

/** What the layers are multiplied with: onnxruntime has no integer kernels for most of what a file may hold. */
const kernelText = ({ profiles: [own] }: Evaluation): ReadonlyArray<string> => {
  const layers = own?.layers.filter(({ products }) => products.length > 0) ?? []
  const part = (words: string, integers: boolean) => {
    const some = layers.filter(({ products }) => products.every(multipliesIntegers) === integers)
    const kernels = [...new Set(some.flatMap(({ products }) => products))].sort()
    return some.length === 0
      ? []
      : [`${some.length} of ${layers.length} layers ${words} (${kernels.join(", ")})`]
  }
  return [
    ...part("multiply integers", true),
    ...part("multiply float32, decoded first", false),
  ].map((text, i) => headed(i === 0 ? "arithmetic" : "", text))
}

const profileText = ({ model, profiles: [own, float] }: Evaluation): string => {
  if (own === undefined) return ""
  const ratio = (ms: number, twin: number | undefined) =>
    twin === undefined || twin === 0 ? "" : short(ms / twin, 3)
  const row = (
    name: string,
    formats: string,
    ms: number,
    twin: number | undefined,
    kernels: string,
  ) => [
    name,
    formats,
    short(ms, 3),
    percent(ms / own.ms),
    ...(float === undefined ? [] : [short(twin ?? 0, 3), ratio(ms, twin)]),
    kernels,
  ]
  return table(
    [
      "layer",
      "formats",
      "ms",
      "share",
      ...(float === undefined ? [] : ["FP32 ms", "ratio"]),
      "kernel",
    ],
    [
      ...own.layers.map(({ ms, path, products }, i) => {
        const { activations, weights } = model.layers[path]!
        const formats = weights === activations ? weights : `${weights}/${activations}`
        return row(path, formats, ms, float?.layers[i]?.ms, products.join(" "))
      }),
      row("the rest", "", own.rest, float?.rest, ""),
      row("all", "", own.ms, float?.ms, ""),
    ],
  )
}

/** For people. */
export const evaluationText = (evaluation: Evaluation, columns: number): string => {
  const { classNames, confusion, dataName, finalAccuracy, isProfiled, name, runtime } = evaluation
  const images = imagesOf(confusion)
  const accuracy = accuracyOf(confusion)
  const invalid = sum(confusion.invalid)
  const five =
    classNames.length > 5 ? `; in the first five ${percent(confusion.inFive / images)}` : ""
  const share = (value: number) => `${(100 * value).toFixed(2)} %`
  return [
    `${bold(pathText(name))}  ${dim(`${runtime}, opset ${evaluation.opset}`)}`,
    headed(
      "accuracy",
      `${share(accuracy)} of ${images} test images of ${pathText(dataName)}${five}`,
    ),
    ...(finalAccuracy === undefined
      ? []
      : [
          headed(
            "trial",
            `${share(finalAccuracy)} is what it reported, ${signed(100 * (accuracy - finalAccuracy), 2)} points`,
          ),
        ]),
    ...(invalid === 0 ? [] : [headed("", `${invalid} images have logits that are not finite`)]),
    "",
    confusionText(evaluation, columns),
    "",
    sizeText(evaluation),
    "",
    ...latencyText(evaluation),
    ...kernelText(evaluation),
    ...(isProfiled ? ["", profileText(evaluation)] : []),
  ].join("\n")
}
