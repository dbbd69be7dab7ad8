/**
 * The walker: blocks call it to make layers and nodes while it keeps paths, shapes and positions.
 *
 * One builder is made per network; `BlockPlace` says where in the network a block stands (its path, its stage, its repeat,
 * its place in the YAML). Everything a block asks for is checked here, and what is wrong becomes a `Problem` with that
 * place. Left out: which formats the layers get (`FormatScopes.ts`), tensors (`supernet/`).
 */
import { type Gate, inside } from "../space/Decision.ts"
import { combine, constant, map, minimum, ofDecision, type Quantity } from "../space/Quantity.ts"
import type { BlockPlace, DecidedField, NamedDecision } from "./Decisions.ts"
import type { Around, Graph, NormName, Padding, Shape } from "./Graph.ts"
import { convLayer, denseLayer } from "./LayerDraft.ts"
import { type Activation, NetworkNodes } from "./NetworkNodes.ts"
import { describeImage, outputSizes, type Value } from "./Shape.ts"
import type { InputSizes } from "./InputSize.ts"
import type { WidthRounding } from "./Width.ts"
import { Widths } from "./Widths.ts"

/** How items of one kind become layers and nodes. Blocks (`block/Block.ts`) add the schema of their fields. */
export interface Lowering<Fields = unknown> {
  readonly kind: string
  /** True when unnamed ones are called `stageN` and their repeats `stageN.0`, `stageN.1`, ... */
  readonly stage: boolean
  /** A method, so that a list may hold blocks of any fields: the schema of the block has checked them. */
  build(builder: Builder, place: BlockPlace, fields: Fields, input: Value): Value
}

export interface BuilderOptions {
  readonly input: InputSizes
  readonly classes: number
  readonly choices: Readonly<Record<string, NamedDecision>>
  readonly cells: Readonly<Record<string, Items>>
  readonly widthRounding: WidthRounding
  readonly blocks: ReadonlyArray<Lowering>
  /** `formats.scale.unsignedAfterRelu` */
  readonly unsigned: boolean
}

/** A list of network items, each with one key, its block. */
export type Items = ReadonlyArray<Readonly<Record<string, unknown>>>

export interface ConvOptions {
  readonly name?: string
  readonly filters: Quantity
  readonly kernel: readonly [Quantity, Quantity]
  readonly stride: readonly [number, number]
  /** Zeros around the image, then whole windows only, or one of TensorFlow's two. */
  readonly padding: Padding | Around
  readonly norm: NormName
  readonly normGroups?: number | undefined
  /** Default: where there is no norm. */
  readonly bias?: boolean | undefined
  readonly groups?: number | undefined
  readonly dilation?: readonly [number, number] | undefined
  readonly activation: Activation
}

export interface DenseOptions {
  readonly name?: string
  readonly units: Quantity
  readonly norm?: Exclude<NormName, "group"> | undefined
  readonly bias?: boolean | undefined
  readonly activation?: Activation | undefined
}

export class Builder extends NetworkNodes {
  readonly options: BuilderOptions
  readonly usedCells = new Set<string>()
  /** The cells around the item that is built. */
  readonly openCells: Array<string> = []
  readonly widths: Widths

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

  /**
   * The node that reads the images, already normalised: [batch, height, width, channels]. Where their size is searched, it is
   * that of the largest option, and the images are resized behind it.
   */
  input(): Value {
    const { channels, heights, widths } = this.options.input
    const c = constant(channels)
    const [height, width] = [Math.max(...heights), Math.max(...widths)]
    const read = this.push({
      operation: "input",
      path: "input",
      inputs: [],
      shape: { kind: "image", height: constant(height), width: constant(width), channels: c },
      inputChannels: c,
    })
    if (heights.length === 1) return read
    const at = ["input", "height"]
    const options = [...heights]
    const active = "always"
    const decision = this.decision(
      { path: "input.size", tag: "size", role: "architecture", options, sizes: options, active },
      at,
    )
    return this.push({
      operation: "resize",
      ...this.after(read, "input.resize", {
        kind: "image",
        height: ofDecision(decision, heights),
        width: ofDecision(decision, widths),
        channels: c,
      }),
    })
  }

  /** Convolution, then bias, norm and activation. `depthwise` when `filters` is absent. */
  conv(
    place: BlockPlace,
    value: Value,
    options: Omit<ConvOptions, "filters"> & { readonly filters?: Quantity },
  ): Value {
    const image = this.image(place, value, "a convolution")
    const { activation, dilation, groups = 1, kernel, norm, normGroups, padding, stride } = options
    const { bias = norm === "none", filters = image.channels } = options
    const path = options.name === undefined ? place.path : `${place.path}.${options.name}`
    const isDepthwise = options.filters === undefined
    this.checkGroups(place, groups, image.channels, filters)
    if (padding !== "same" && kernel.some((extent) => extent.values.length > 1))
      this.stop(
        [...place.at, "kernel"],
        `a searched kernel changes the size under ${padding === "valid" ? "valid" : "this"} padding; use padding: same`,
      )
    const padded = typeof padding === "string" ? value : this.pad(path, value, padding)
    const shape = this.image(place, padded, "a convolution")
    const windows = typeof padding === "string" ? padding : "valid"
    const spanned = kernel.map((extent, i) => (extent.values[0]! - 1) * (dilation?.[i] ?? 1) + 1)
    const height = outputSizes(shape.height, spanned[0]!, stride[0], windows)
    const width = outputSizes(shape.width, spanned[1]!, stride[1], windows)
    if (minimum(height) < 1 || minimum(width) < 1)
      this.stop(
        [...place.at, "kernel"],
        `a ${spanned[0]} x ${spanned[1]} kernel does not fit in ${describeImage(shape)}; ` +
          "use a smaller kernel or padding: same",
      )
    const sizes = { ...options, padding: windows, bias, height, width } as const
    const layer = this.layer(
      convLayer(
        place,
        path,
        shape,
        { ...sizes, pixels: combine([image.height, image.width], ([h, w]) => h! * w!) },
        this.activeQuantity(place.active),
      ),
    )
    const after: Shape = { kind: "image", height, width, channels: filters }
    let out = this.push({
      operation: isDepthwise ? "depthwiseConv" : "conv",
      layer,
      kernel,
      stride,
      padding: windows,
      ...(groups === 1 ? {} : { groups, groupInputs: map(image.channels, (n) => n / groups) }),
      ...(dilation === undefined || dilation.every((n) => n === 1) ? {} : { dilation }),
      ...this.after(padded, path, after),
    })
    if (bias) out = this.bias(`${path}.bias`, out)
    const groupsOfNorm = normGroups === undefined ? {} : { groups: normGroups }
    out = this.norm(place, `${path}.norm`, out, { norm, ...groupsOfNorm })
    return this.activation(place, path, out, activation)
  }

  private checkGroups(
    place: BlockPlace,
    groups: number,
    inputs: Quantity,
    outputs: Quantity,
  ): void {
    const at = [...place.at, "groups"]
    const odd = [...inputs.values, ...outputs.values].find((n) => n % groups !== 0)
    if (odd !== undefined)
      this.stop(
        at,
        `${odd} channels do not part into ${groups} groups; use a divisor of inputs and filters`,
      )
  }

  /** A fully connected layer of a vector or of every token, then bias, norm and activation. */
  dense(place: BlockPlace, value: Value, options: DenseOptions): Value {
    if (value.shape.kind === "image") throw new Error(`${place.path}: a dense layer of an image`)
    const { activation = "none", norm = "none", units } = options
    const { bias = norm === "none" } = options
    const { channels } = value.shape
    const tokens = value.shape.kind === "tokens" ? value.shape.tokens : 1
    const path = options.name === undefined ? place.path : `${place.path}.${options.name}`
    const active = this.activeQuantity(place.active)
    const layer = this.layer(
      denseLayer(place, path, { tokens, channels, units, norm, bias }, active),
    )
    const shape: Shape = { ...value.shape, channels: units }
    let out = this.push({ operation: "dense", layer, ...this.after(value, path, shape) })
    if (bias) out = this.bias(`${path}.bias`, out)
    out = this.norm(place, `${path}.norm`, out, { norm })
    return this.activation(place, path, out, activation)
  }

  /** Runs `body` once per repeat; a repeat beyond the chosen depth is inactive, its input goes on unchanged. */
  repeat(
    place: BlockPlace,
    repeats: DecidedField<number>,
    value: Value,
    body: (place: BlockPlace, value: Value, repeat: number) => Value,
  ): Value {
    const most = Math.max(...repeats.options)
    if (most === 0)
      this.stop(
        [...place.at, "repeats"],
        "0 leaves the block out; remove the item, or offer 0 beside other depths",
      )
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
        active: gate === undefined ? place.active : inside(place.active, gate),
      }
      if (gate === undefined) {
        out = body(inner, out, r)
        continue
      }
      out = this.optional(place, path, out, gate, (_place, value) => body(inner, value, r))
    }
    return out
  }

  graph(output: Value): Graph {
    return {
      nodes: this.nodes,
      output: output.node,
      input: {
        height: Math.max(...this.options.input.heights),
        width: Math.max(...this.options.input.widths),
        channels: this.options.input.channels,
      },
      classes: this.options.classes,
    }
  }
}
