/**
 * The walker: blocks call it to make layers and nodes while it keeps paths, shapes and positions.
 *
 * One builder is made per network; `BlockPlace` says where in the network a block stands (its path, its stage, its repeat,
 * its place in the YAML). Everything a block asks for is checked here, and what is wrong becomes a `Problem` with that
 * place. Left out: which formats the layers get (`FormatScopes.ts`), tensors (`supernet/`).
 */
import type { Gate } from "../space/Decision.ts"
import { constant, type Quantity } from "../space/Quantity.ts"
import { type NamedDecision, type DecidedField, Decisions, type BlockPlace } from "./Decisions.ts"
import type { ActivationName, Graph, Node, NodeDraft, Padding, Shape } from "./Graph.ts"
import { convLayer, denseLayer, type LayerDraft } from "./LayerDraft.ts"
import { describeShape, outputSize, sameShape } from "./Shape.ts"
import type { WidthRounding } from "./Width.ts"
import { Widths } from "./Widths.ts"

/** What flows between nodes. */
export interface Value {
  readonly node: number
  readonly shape: Shape
}

/** How items of one kind become layers and nodes. Blocks (`block/Block.ts`) add the schema of their fields. */
export interface Lowering<Fields = unknown> {
  readonly kind: string
  /** True when unnamed ones are called `stageN` and their repeats `stageN.0`, `stageN.1`, ... */
  readonly stage: boolean
  /** A method, so that a list may hold blocks of any fields: the schema of the block has checked them. */
  build(builder: Builder, place: BlockPlace, fields: Fields, input: Value): Value
}

export interface BuilderOptions {
  readonly input: { readonly height: number; readonly width: number; readonly channels: number }
  readonly classes: number
  readonly choices: Readonly<Record<string, NamedDecision>>
  readonly widthRounding: WidthRounding
  readonly blocks: ReadonlyArray<Lowering>
  /** `formats.scale.unsignedAfterRelu` */
  readonly unsigned: boolean
}

export interface ConvOptions {
  readonly name?: string
  readonly filters: Quantity
  readonly kernel: readonly [Quantity, Quantity]
  readonly stride: readonly [number, number]
  readonly padding: Padding
  readonly norm: "batch" | "none"
  readonly activation: ActivationName
}

export class Builder extends Decisions {
  readonly layers: Array<LayerDraft> = []
  readonly nodes: Array<Node> = []
  readonly options: BuilderOptions
  readonly widths: Widths
  /** Whether what is built now runs: changed by `repeat` around its bodies. */
  private active: Quantity = constant(1)

  constructor(options: BuilderOptions) {
    super(options.choices)
    this.options = options
    this.widths = new Widths(this, options.widthRounding)
  }

  /** The block of a kind that the schema let through. */
  block(kind: string): Lowering {
    const found = this.options.blocks.find((block) => block.kind === kind)
    if (found === undefined) throw new Error(`no block is of kind ${kind}`)
    return found
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

  /** The image that `what` needs; `advice` is what to write instead where it gets tokens or a vector. */
  image(
    place: BlockPlace,
    value: Value,
    what: string,
    advice: { readonly tokens?: string; readonly vector?: string } = {},
  ): Extract<Shape, { kind: "image" }> {
    if (value.shape.kind === "image") return value.shape
    const { tokens = "put it before patchEmbed", vector = "put it before globalAveragePool" } =
      advice
    return this.stop(
      place.at,
      value.shape.kind === "vector"
        ? `${what} needs an image but gets a vector; ${vector}`
        : `${what} needs an image but gets tokens; ${tokens}`,
    )
  }

  /** Convolution, then norm (or bias), then activation. `depthwise` when `filters` is absent. */
  conv(
    place: BlockPlace,
    value: Value,
    options: Omit<ConvOptions, "filters"> & { readonly filters?: Quantity },
  ): Value {
    const shape = this.image(place, value, "a convolution")
    const depthwise = options.filters === undefined
    const path = options.name === undefined ? place.path : `${place.path}.${options.name}`
    const filters = options.filters ?? shape.channels
    const [kh, kw] = options.kernel
    if (options.padding === "valid" && (kh.values.length > 1 || kw.values.length > 1))
      this.stop(
        [...place.at, "kernel"],
        `a searched kernel changes the size under valid padding; use padding: same`,
      )
    const height = outputSize(shape.height, kh.values[0]!, options.stride[0], options.padding)
    const width = outputSize(shape.width, kw.values[0]!, options.stride[1], options.padding)
    if (height < 1 || width < 1)
      this.stop(
        [...place.at, "kernel"],
        `a ${kh.values[0]} x ${kw.values[0]} kernel does not fit in ${shape.height} x ${shape.width}; ` +
          "use a smaller kernel or padding: same",
      )
    const active = this.activeQuantity(place.active)
    const layer = this.layer(convLayer(place, path, shape, { ...options, height, width }, active))
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

  /** A fully connected layer with bias, of a vector or of every token. */
  dense(
    place: BlockPlace,
    value: Value,
    options: { readonly name?: string; readonly units: Quantity },
  ): Value {
    if (value.shape.kind === "image") throw new Error(`${place.path}: a dense layer of an image`)
    const { channels } = value.shape
    const tokens = value.shape.kind === "tokens" ? value.shape.tokens : 1
    const path = options.name === undefined ? place.path : `${place.path}.${options.name}`
    const active = this.activeQuantity(place.active)
    const layer = this.layer(
      denseLayer(place, path, { tokens, channels, units: options.units }, active),
    )
    const shape: Shape = { ...value.shape, channels: options.units }
    const out = this.push({
      operation: "dense",
      path,
      inputs: [value.node],
      shape,
      inputChannels: channels,
      layer,
    })
    return this.push({
      operation: "bias",
      path: `${path}.bias`,
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

  /** Stochastic depth of one branch of a residual block; nothing at rate 0. */
  dropPath(path: string, value: Value, rate: number): Value {
    return rate === 0 ? value : this.drop("dropPath", `${path}.dropPath`, value, rate)
  }

  drop(operation: "dropout" | "dropPath", path: string, value: Value, rate: number): Value {
    return this.push({
      operation,
      path,
      inputs: [value.node],
      shape: value.shape,
      inputChannels: value.shape.channels,
      rate,
      place: this.nodes.length,
    })
  }

  add(place: BlockPlace, path: string, a: Value, b: Value): Value {
    if (!sameShape(a.shape, b.shape))
      this.stop(
        place.at,
        `cannot add ${describeShape(a.shape)} and ${describeShape(b.shape)}; make the shapes equal`,
      )
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
    place: BlockPlace,
    repeats: DecidedField<number>,
    value: Value,
    body: (place: BlockPlace, value: Value, repeat: number) => Value,
  ): Value {
    const most = Math.max(...repeats.options)
    let out = value
    for (let r = 0; r < most; r++) {
      const choices = repeats.options.flatMap((n, i) => (n > r ? [i] : []))
      const always = repeats.decision === null || choices.length === repeats.options.length
      const gate: Gate | undefined = always ? undefined : { decision: repeats.decision!, choices }
      const path = `${place.path}.${r}`
      const inner: BlockPlace = {
        ...place,
        path,
        // inside a concat the branch is the block; elsewhere a block is one repeat
        block: place.block === place.path ? path : place.block,
        active: gate === undefined ? place.active : [gate],
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
        this.stop(
          place.at,
          `a repeat that may be left out must keep its shape, but ${describeShape(out.shape)} becomes ${describeShape(result.shape)}`,
        )
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
