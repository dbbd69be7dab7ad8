/**
 * The walker: blocks call it to make decisions, layers and nodes while it keeps paths, shapes and positions.
 *
 * One builder is made per network; `Scope` says where in the network a block stands (its path, its stage, its repeat,
 * its place in the YAML). Everything a block asks for is checked here, and what is wrong becomes a `Problem` with that
 * place. Left out: which formats the layers get (`FormatScopes.ts`), tensors (`Supernet.ts`).
 */
import type { Problem } from "../declaration/Errors.ts"
import { suggest } from "../declaration/Suggest.ts"
import { parse } from "../format/Formats.ts"
import type { Layer } from "../cost/LayerTable.ts"
import type { Activity, Decision, Gate, OptionValue } from "../space/Decision.ts"
import { combine, constant, map, ofDecision } from "../space/Quantity.ts"
import * as Quantity from "../space/Quantity.ts"
import { isOneOf, isUse, type Tunable } from "../space/Tunable.ts"
import type { Block } from "./block/Block.ts"
import type { ActivationName, Graph, Node, NodeDraft, Padding, Shape } from "./Graph.ts"

type Q = Quantity.Quantity
type YamlPath = ReadonlyArray<string | number>

/** A tunable field after its decision was made: `options[choice]`, or `options[0]` when nothing is decided. */
export interface Chosen<T> {
  readonly decision: number | null
  readonly options: ReadonlyArray<T>
}

/** Where a block stands. */
export interface Scope {
  /** Path of this instance: `stem`, `stage2`, inside a repeat `stage2.1`. */
  readonly path: string
  /** What one decision of scope `block` covers. */
  readonly block: string
  /** What one decision of scope `stage` covers. */
  readonly stage: string
  /** Path of the item, where decisions shared by its repeats live. */
  readonly item: string
  /** True inside a concat: scopes below it stay its branch and its stage. */
  readonly inside?: boolean
  /** When this repeat runs. */
  readonly active: Activity
  /** The item's fields in the document. */
  readonly at: YamlPath
}

/** What flows between nodes. */
export interface Value {
  readonly node: number
  readonly shape: Shape
}

/** A layer before its formats are known. */
export interface LayerDraft extends Omit<Layer, "weightFormat" | "activationFormat"> {
  readonly block: string
  readonly stage: string
  readonly activity: Activity
}

export interface Choice {
  readonly oneOf: ReadonlyArray<OptionValue>
}

export interface BuilderOptions {
  readonly input: { readonly height: number; readonly width: number; readonly channels: number }
  readonly classes: number
  readonly choices: Readonly<Record<string, Choice>>
  readonly widthRounding: "multipleOf8" | "exact"
  readonly blocks: ReadonlyArray<Block>
}

export type WidthScaling = "normal" | "upOnly" | "none"

/** What the options of a field must be. */
export interface Accepts<T> {
  readonly what: string
  readonly test: (option: OptionValue) => boolean
  /** What a broken field counts as while the rest is checked. */
  readonly fallback: T
}

/** Ends the building of one item after a problem that leaves nothing to go on with. */
export class BuildStopped extends Error {}

export interface ConvOptions {
  readonly name?: string
  readonly filters: Q
  readonly kernel: readonly [Q, Q]
  readonly stride: readonly [number, number]
  readonly padding: Padding
  readonly norm: "batch" | "none"
  readonly activation: ActivationName
}

/** How large an option is: bits of a format, area of a kernel, else the number itself. */
const sizeOfOption = (option: OptionValue): number =>
  typeof option === "string"
    ? (parse(option)?.bits ?? 0)
    : typeof option === "number"
    ? option
    : Array.isArray(option)
      ? option.reduce((a: number, b: number) => a * b, 1)
      : Number(option)

/**
 * The width after the multiplier: unchanged at 1; else the product, which must be whole (`exact`), or the nearest
 * multiple of 8 that is at least 8 and not below 90 % of the product (MobileNetV2, arXiv 1801.04381, reference code).
 */
export const scaleWidth = (
  width: number,
  multiplier: number,
  rounding: "multipleOf8" | "exact",
  scaling: WidthScaling,
): number => {
  const m = scaling === "none" ? 1 : scaling === "upOnly" ? Math.max(1, multiplier) : multiplier
  if (m === 1) return width
  const wanted = width * m
  if (rounding === "exact") return Math.abs(wanted - Math.round(wanted)) < 1e-9 ? Math.round(wanted) : wanted
  const rounded = Math.max(8, Math.floor(wanted / 8 + 0.5) * 8)
  return rounded < 0.9 * wanted ? rounded + 8 : rounded
}

/** Spatial size after a window: TensorFlow's SAME and VALID. */
export const outputSize = (size: number, window: number, stride: number, padding: Padding): number =>
  padding === "same" ? Math.ceil(size / stride) : Math.ceil((size - window + 1) / stride)

export class Builder {
  readonly problems: Array<Problem> = []
  readonly warnings: Array<Problem> = []
  readonly decisions: Array<Decision> = []
  readonly layers: Array<LayerDraft> = []
  readonly nodes: Array<Node> = []
  readonly usedChoices = new Set<string>()
  multiplier: Q = constant(1)
  /** Whether what is built now runs: changed by `repeat` around its bodies. */
  private active: Q = constant(1)
  /** True after a problem that makes later shapes meaningless. */
  broken = false
  readonly options: BuilderOptions
  private readonly byPath = new Map<string, number>()

  constructor(options: BuilderOptions) {
    this.options = options
  }

  /** The block of a kind that the schema let through. */
  block(kind: string): Block {
    const found = this.options.blocks.find((block) => block.kind === kind)
    if (found === undefined) throw new Error(`no block is of kind ${kind}`)
    return found
  }

  problem(at: YamlPath, message: string): void {
    const key = JSON.stringify(at) + message
    if (!this.problems.some((p) => JSON.stringify(p.path) + p.message === key))
      this.problems.push({ path: [...at], message })
  }

  warning(at: YamlPath, message: string): void {
    if (!this.warnings.some((p) => p.message === message))
      this.warnings.push({ path: [...at], message, severity: "warning" })
  }

  /** Ends the building of this item. Shapes after a broken item mean nothing, so their problems are not told. */
  stop(at: YamlPath, message: string): never {
    if (!this.broken) this.problem(at, message)
    this.broken = true
    throw new BuildStopped(message)
  }

  /** Adds a decision, or finds the one already made at this path. */
  decision(decision: Decision): number {
    const known = this.byPath.get(decision.path)
    if (known !== undefined) return known
    const index = this.decisions.push(decision) - 1
    this.byPath.set(decision.path, index)
    return index
  }

  /** Resolves a tunable value. `accepts` says what an option of a named choice must be. */
  choose<T extends OptionValue>(
    value: Tunable<T>,
    place: { readonly path: string; readonly tag: string; readonly active: Activity; readonly at: YamlPath },
    accepts: Accepts<T>,
  ): Chosen<T> {
    if (isUse(value)) return this.use(value.use, [...place.at, "use"], accepts)
    if (!isOneOf(value)) return { decision: null, options: [value] }
    const bad = value.oneOf.find((option) => !accepts.test(option))
    if (bad !== undefined)
      this.problem([...place.at, "oneOf"], `${JSON.stringify(bad)} does not fit here; options must be ${accepts.what}`)
    return this.chosen(value.oneOf, place)
  }

  private chosen<T extends OptionValue>(
    options: ReadonlyArray<T>,
    place: { readonly path: string; readonly tag: string; readonly active: Activity },
  ): Chosen<T> {
    if (options.length === 1) return { decision: null, options }
    const decision = this.decision({
      path: place.path,
      tag: place.tag,
      options,
      sizes: options.map(sizeOfOption),
      active: place.active,
    })
    return { decision, options }
  }

  /** The named choice, as a decision at `choices.NAME`. */
  use<T extends OptionValue>(
    name: string,
    at: YamlPath,
    accepts: Accepts<T>,
    active: Activity = "always",
  ): Chosen<T> {
    const choice = Object.hasOwn(this.options.choices, name) ? this.options.choices[name] : undefined
    if (choice === undefined) {
      const names = Object.keys(this.options.choices)
      const near = suggest(name, names)
      return this.recover(
        at,
        `no choice is named ${JSON.stringify(name)}; ` +
          (near === undefined ? `declare it under choices: { ${name}: { oneOf: [...] } }` : `did you mean ${near}?`),
        accepts,
      )
    }
    this.usedChoices.add(name)
    const bad = choice.oneOf.find((option) => !accepts.test(option))
    if (bad !== undefined)
      return this.recover(
        at,
        `choice ${name} offers ${JSON.stringify(bad)}, which does not fit here; it must be ${accepts.what}`,
        accepts,
      )
    return this.chosen(choice.oneOf as ReadonlyArray<T>, {
      path: `choices.${name}`,
      tag: name,
      active,
    })
  }

  /** Goes on with a stand-in after a problem, so that the rest of the file is checked too. */
  private recover<T>(at: YamlPath, message: string, accepts: Accepts<T>): Chosen<T> {
    this.problem(at, message)
    this.broken = true
    return { decision: null, options: [accepts.fallback] }
  }

  /** A tunable field of a block: one decision per item (`item`) or per repeat (`repeat`, unless `shared`). */
  field<T extends OptionValue>(
    scope: Scope,
    name: string,
    value: Tunable<T>,
    per: "item" | "repeat",
    accepts: Accepts<T>,
  ): Chosen<T> {
    const whole = per === "item" || (isOneOf(value) && value.shared === true)
    return this.choose(
      value,
      {
        path: `${whole ? scope.item : scope.path}.${name}`,
        tag: name,
        active: whole ? "always" : scope.active,
        at: [...scope.at, name],
      },
      accepts,
    )
  }

  quantity<T>(chosen: Chosen<T>, f: (option: T) => number): Q {
    return chosen.decision === null
      ? constant(f(chosen.options[0]!))
      : ofDecision(chosen.decision, chosen.options.map(f))
  }

  /** `filters` after the width multiplier. */
  width(scope: Scope, name: string, chosen: Chosen<number>, scaling: WidthScaling = "normal"): Q {
    const { widthRounding } = this.options
    const filters = this.quantity(chosen, (n) => n)
    const scaled = combine([filters, this.multiplier], ([n, m]) => scaleWidth(n!, m!, widthRounding, scaling))
    const broken = scaled.values.find((v) => !Number.isInteger(v))
    if (broken !== undefined)
      this.stop(
        [...scope.at, name],
        `times the width multiplier gives ${broken} channels; use whole products or widthRounding: multipleOf8`,
      )
    const before = new Set(filters.values).size * new Set(this.multiplier.values).size
    if (scaled.values.length > 1 && new Set(scaled.values).size < before && new Set(filters.values).size > 1)
      this.collapse(scope, name, chosen, scaling)
    return scaled
  }

  /** Warns of options that become the same width under one multiplier. */
  private collapse(scope: Scope, name: string, chosen: Chosen<number>, scaling: WidthScaling): void {
    for (const m of this.multiplier.values) {
      const seen = new Map<number, number>()
      for (const n of chosen.options) {
        const w = scaleWidth(n, m, this.options.widthRounding, scaling)
        const twin = seen.get(w)
        if (twin !== undefined)
          this.warning(
            [...scope.at, name],
            `options ${twin} and ${n} both become ${w} channels at width multiplier ${m}; drop one of them`,
          )
        seen.set(w, n)
      }
    }
  }

  push(draft: NodeDraft): Value {
    const node = { ...draft, active: this.active } as Node
    return { node: this.nodes.push(node) - 1, shape: node.shape }
  }

  /** The node that reads the images, already normalised: [batch, height, width, channels]. */
  input(): Value {
    const { height, width, channels } = this.options.input
    const c = constant(channels)
    return this.push({
      operation: "input",
      path: "input",
      inputs: [],
      shape: { kind: "image", height, width, channels: c },
      inputChannels: c,
    })
  }

  image(scope: Scope, value: Value, what: string): Extract<Shape, { kind: "image" }> {
    if (value.shape.kind === "image") return value.shape
    return this.stop(scope.at, `${what} needs an image but gets a vector; put it before globalAveragePool`)
  }

  /** Convolution, then norm (or bias), then activation. `depthwise` when `filters` is absent. */
  conv(scope: Scope, value: Value, options: Omit<ConvOptions, "filters"> & { readonly filters?: Q }): Value {
    const shape = this.image(scope, value, "a convolution")
    const depthwise = options.filters === undefined
    const path = options.name === undefined ? scope.path : `${scope.path}.${options.name}`
    const filters = options.filters ?? shape.channels
    const [kh, kw] = options.kernel
    if (options.padding === "valid" && (kh.values.length > 1 || kw.values.length > 1))
      this.stop([...scope.at, "kernel"], `a searched kernel changes the size under valid padding; use padding: same`)
    const height = outputSize(shape.height, kh.values[0]!, options.stride[0], options.padding)
    const width = outputSize(shape.width, kw.values[0]!, options.stride[1], options.padding)
    if (height < 1 || width < 1)
      this.stop(
        [...scope.at, "kernel"],
        `a ${kh.values[0]} x ${kw.values[0]} kernel does not fit in ${shape.height} x ${shape.width}; ` +
          "use a smaller kernel or padding: same",
      )
    const active = this.activeQuantity(scope.active)
    const weights = depthwise
      ? combine([active, kh, kw, shape.channels], ([a, h, w, c]) => a! * h! * w! * c!)
      : combine([active, kh, kw, shape.channels, filters], ([a, h, w, i, o]) => a! * h! * w! * i! * o!)
    const layer = this.layer({
      path,
      kind: depthwise ? "depthwiseConv" : "conv",
      active,
      macs: map(weights, (n) => n * height * width),
      weights,
      inputs: combine([active, shape.channels], ([a, c]) => a! * c! * shape.height * shape.width),
      outputs: combine([active, filters], ([a, c]) => a! * c!),
      extras: combine([active, filters], ([a, c]) => a! * c! * (options.norm === "batch" ? 4 : 1)),
      block: scope.block,
      stage: scope.stage,
      activity: scope.active,
    })
    const after: Shape = { kind: "image", height, width, channels: filters }
    let out = this.push({
      operation: depthwise ? "depthwiseConv" : "conv",
      path,
      inputs: [value.node],
      shape: after,
      inputChannels: shape.channels,
      layer,
      kernel: options.kernel,
      stride: options.stride,
      padding: options.padding,
    })
    out = this.push({
      operation: options.norm === "batch" ? "batchNorm" : "bias",
      path: `${path}.${options.norm === "batch" ? "norm" : "bias"}`,
      inputs: [out.node],
      shape: after,
      inputChannels: filters,
    })
    return this.activation(path, out, options.activation)
  }

  /** A fully connected layer with bias. */
  dense(scope: Scope, value: Value, units: number): Value {
    if (value.shape.kind !== "vector")
      return this.stop(scope.at, "dense needs a vector but gets an image; put globalAveragePool: {} before it")
    const { channels } = value.shape
    const active = this.activeQuantity(scope.active)
    const weights = combine([active, channels], ([a, c]) => a! * c! * units)
    const layer = this.layer({
      path: scope.path,
      kind: "dense",
      active,
      macs: weights,
      weights,
      inputs: combine([active, channels], ([a, c]) => a! * c!),
      outputs: map(active, (a) => a * units),
      extras: map(active, (a) => a * units),
      block: scope.block,
      stage: scope.stage,
      activity: scope.active,
    })
    const shape: Shape = { kind: "vector", channels: constant(units) }
    const out = this.push({
      operation: "dense",
      path: scope.path,
      inputs: [value.node],
      shape,
      inputChannels: channels,
      layer,
    })
    return this.push({
      operation: "bias",
      path: `${scope.path}.bias`,
      inputs: [out.node],
      shape,
      inputChannels: shape.channels,
    })
  }

  activation(path: string, value: Value, activation: ActivationName): Value {
    if (activation === "none") return value
    return this.push({
      operation: "activation",
      path: `${path}.${activation}`,
      inputs: [value.node],
      shape: value.shape,
      inputChannels: value.shape.channels,
      activation,
    })
  }

  add(scope: Scope, path: string, a: Value, b: Value): Value {
    if (!sameShape(a.shape, b.shape))
      this.stop(scope.at, `cannot add ${describeShape(a.shape)} and ${describeShape(b.shape)}; make the shapes equal`)
    return this.push({
      operation: "add",
      path,
      inputs: [a.node, b.node],
      shape: a.shape,
      inputChannels: a.shape.channels,
    })
  }

  /** Runs `body` once per repeat; a repeat beyond the chosen depth is inactive, its input goes on unchanged. */
  repeat(
    scope: Scope,
    repeats: Chosen<number>,
    value: Value,
    body: (scope: Scope, value: Value, repeat: number) => Value,
  ): Value {
    const most = Math.max(...repeats.options)
    let out = value
    for (let r = 0; r < most; r++) {
      const choices = repeats.options.flatMap((n, i) => (n > r ? [i] : []))
      const always = repeats.decision === null || choices.length === repeats.options.length
      const gate: Gate | undefined = always ? undefined : { decision: repeats.decision!, choices }
      const path = `${scope.path}.${r}`
      const inner: Scope = {
        ...scope,
        path,
        // inside a concat the branch is the block; elsewhere a block is one repeat
        block: scope.block === scope.path ? path : scope.block,
        active: gate === undefined ? scope.active : [gate],
      }
      if (gate === undefined) {
        out = body(inner, out, r)
        continue
      }
      const outside = this.active
      this.active = this.activeQuantity(inner.active)
      const common = { shape: out.shape, inputChannels: out.shape.channels }
      const inside = this.push({
        operation: "enter",
        path: `${path}.enter`,
        inputs: [out.node],
        ...common,
      })
      const result = body(inner, inside, r)
      if (!sameShape(result.shape, out.shape))
        this.stop(scope.at, `a repeat that may be left out must keep its shape, but ${describeShape(out.shape)} becomes ${describeShape(result.shape)}`)
      out = this.push({
        operation: "leave",
        path: `${path}.leave`,
        inputs: [result.node, out.node],
        ...common,
      })
      this.active = outside
    }
    return out
  }

  /** 1 where active, else 0. A repeat has at most one gate. */
  activeQuantity(active: Activity): Q {
    if (active === "always") return constant(1)
    const gate = active[0]!
    const { options } = this.decisions[gate.decision]!
    return ofDecision(
      gate.decision,
      options.map((_, i) => (gate.choices.includes(i) ? 1 : 0)),
    )
  }

  private layer(layer: LayerDraft): number {
    return this.layers.push(layer) - 1
  }

  graph(output: Value): Graph {
    return {
      nodes: this.nodes,
      output: output.node,
      input: this.options.input,
      classes: this.options.classes,
    }
  }
}

/** Equal in every assignment. */
export const sameWidth = (a: Q, b: Q): boolean =>
  combine([a, b], ([x, y]) => (x === y ? 1 : 0)).values.every((v) => v === 1)

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.kind === "image" && b.kind === "image"
    ? a.height === b.height && a.width === b.width && sameWidth(a.channels, b.channels)
    : a.kind === b.kind && sameWidth(a.channels, b.channels)

export const describeShape = (shape: Shape): string => {
  const least = Quantity.minimum(shape.channels)
  const most = Quantity.maximum(shape.channels)
  const channels = least === most ? `${most}` : `${least}..${most}`
  return shape.kind === "image" ? `[${shape.height}, ${shape.width}, ${channels}]` : `[${channels}]`
}
