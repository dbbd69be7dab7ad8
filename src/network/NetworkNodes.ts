/**
 * Nodes and layers of a network as blocks add them, one after another: those that need no more than the value they read.
 *
 * Left out: layers with weights, repeats (`Builder.ts`).
 */
import { type Activity, inside } from "../space/Decision.ts"
import { combine, constant, map, ofDecision, type Quantity } from "../space/Quantity.ts"
import { type BlockPlace, type DecidedField, Decisions, type NamedResult } from "./Decisions.ts"
import type { ActivationName, Around, Node, NodeDraft, NormName, Shape } from "./Graph.ts"
import type { LayerDraft } from "./LayerDraft.ts"
import { floatsOf } from "./NodeFloats.ts"
import { describeShape, sameShape, type Value } from "./Shape.ts"

/** An image that flows between nodes. */
export type ImageShape = Extract<Shape, { kind: "image" }>

/** Which norm, and of how many groups a group norm is. */
export interface NormOptions {
  readonly norm: NormName
  readonly groups?: number
}

/** Another word for swish is silu. */
type ActivationWord = ActivationName | "silu"
export type Activation = ActivationWord | DecidedField<ActivationWord>

export class NetworkNodes extends Decisions {
  readonly layers: Array<LayerDraft> = []
  readonly nodes: Array<Node> = []
  /** Whether what is built now runs: changed by `within` around its bodies. */
  protected active: Quantity = constant(1)

  push(draft: NodeDraft): Value {
    const node = { ...draft, active: this.active } as Node
    this.count(node)
    return { node: this.nodes.push(node) - 1, shape: node.shape }
  }

  /** Costs add up over layers: numbers of an operation between them count with the layer before it. */
  private count(node: Node): void {
    const floats = floatsOf(node)
    const layer = this.layers.at(-1)
    if (floats === undefined || layer === undefined || node.path === `${layer.path}.norm`) return
    this.layers[this.layers.length - 1] = {
      ...layer,
      extras: combine([layer.extras, floats], ([own, more]) => own! + more!),
    }
  }

  /** A node that reads one value and changes nothing of its shape, or that gives another one. */
  protected after(value: Value, path: string, shape: Shape = value.shape) {
    return { path, inputs: [value.node], shape, inputChannels: value.shape.channels }
  }

  protected layer(layer: LayerDraft): number {
    return this.layers.push(layer) - 1
  }

  /** The image that `what` needs; `advice` is what to write instead where it gets tokens or a vector. */
  image(
    place: BlockPlace,
    value: Value,
    what: string,
    advice: { readonly tokens?: string; readonly vector?: string } = {},
  ): ImageShape {
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

  /** The sum of two values of one shape. */
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

  activation(place: BlockPlace, path: string, value: Value, activation: Activation): Value {
    if (typeof activation !== "string") {
      const { decision, options } = activation
      if (decision === null) return this.activation(place, path, value, options[0]!)
      const parts = options.map(
        (one) => (inner: BlockPlace, x: Value) => this.activation(inner, path, x, one),
      )
      return this.oneOf(place, `${path}.activation`, decision, value, parts)
    }
    if (activation === "none") return value
    return this.push({
      operation: "activation",
      activation: activation === "silu" ? "swish" : activation,
      ...this.after(value, `${path}.${activation}`),
    })
  }

  /** What `body` makes of a value, in a part of the network that runs while `active` says so. */
  within<A>(active: Activity, body: () => A): A {
    const around = this.active
    this.active = this.activeQuantity(active)
    try {
      return body()
    } finally {
      this.active = around
    }
  }

  zeros(path: string, value: Value, shape = value.shape): Value {
    return this.push({ operation: "zeros", ...this.after(value, path, shape) })
  }

  /** The head of a part that may be left out. */
  enter(path: string, value: Value, shape = value.shape): Value {
    return this.push({ operation: "enter", ...this.after(value, `${path}.enter`, shape) })
  }

  /** The parts of one decision, of which only one runs: part i under `choices[i]`. */
  parts<A>(
    place: BlockPlace,
    decision: number,
    choices: ReadonlyArray<ReadonlyArray<number>>,
    body: (place: BlockPlace, part: number) => A,
  ): ReadonlyArray<A> {
    return choices.map((opening, i) => {
      const active = inside(place.active, { decision, choices: opening })
      return this.within(active, () => body({ ...place, active, itemActive: active }, i))
    })
  }

  /** The result of the part that runs. */
  select(path: string, results: ReadonlyArray<Value>, option: Quantity): Value {
    const { shape } = results[0]!
    return this.push({
      operation: "choose",
      path,
      option,
      inputs: results.map(({ node }) => node),
      shape,
      inputChannels: shape.channels,
    })
  }

  /** One of several functions of a value, as a decision says; all keep its shape. */
  oneOf(
    place: BlockPlace,
    path: string,
    decision: number,
    value: Value,
    functions: ReadonlyArray<(place: BlockPlace, value: Value) => Value>,
  ): Value {
    const places = [...functions.keys()]
    const results = this.parts(
      place,
      decision,
      places.map((i) => [i]),
      (inner, i) => functions[i]!(inner, this.enter(`${path}.${i}`, value)),
    )
    return this.select(path, results, ofDecision(decision, places))
  }

  /** A function of a value in some options of a decision; in the others it stays as it is. The shape is kept. */
  optional(
    place: BlockPlace,
    path: string,
    value: Value,
    { choices, decision }: { readonly decision: number; readonly choices: ReadonlyArray<number> },
    body: (place: BlockPlace, value: Value) => Value,
  ): Value {
    const active = inside(place.active, { decision, choices })
    return this.within(active, () => {
      const result = body({ ...place, active }, this.enter(path, value))
      if (!sameShape(result.shape, value.shape))
        this.stop(
          place.at,
          `a repeat that may be left out must keep its shape, but ${describeShape(value.shape)} becomes ${describeShape(result.shape)}`,
        )
      return this.push({
        operation: "leave",
        path: `${path}.leave`,
        inputs: [result.node, value.node],
        shape: value.shape,
        inputChannels: value.shape.channels,
      })
    })
  }

  /** Remembers the result of an item under its name. */
  remember(place: BlockPlace, name: string, value: Value): void {
    place.results.byName.set(name, { value, active: this.active })
  }

  /** A result of an earlier item, by name, for a branch that begins with it. */
  resultOf(name: string, path: string, found: NamedResult): Value {
    return found.active === this.active ? found.value : this.enter(`${path}.${name}`, found.value)
  }

  bias(path: string, value: Value): Value {
    return this.push({ operation: "bias", ...this.after(value, path) })
  }

  /** A norm over the channels; `groups` must divide them in every assignment. */
  norm(place: BlockPlace, path: string, value: Value, { groups = 32, norm }: NormOptions): Value {
    if (norm === "none") return value
    const common = this.after(value, path)
    if (norm === "batch") return this.push({ operation: "batchNorm", ...common })
    if (norm === "layer") return this.push({ operation: "layerNorm", ...common })
    this.image(place, value, "a group norm", { vector: "use norm: layer in its place" })
    const odd = value.shape.channels.values.find((n) => n % groups !== 0)
    if (odd !== undefined)
      this.stop(
        place.at,
        `a group norm cannot part ${odd} channels into ${groups} groups; use a normGroups that divides them`,
      )
    return this.push({ operation: "groupNorm", groups, ...common })
  }

  /** Pixels around an image; nothing where there are none. */
  pad(path: string, value: Value, around: Around, filling: "zero" | "lowest" = "zero"): Value {
    if (value.shape.kind !== "image") throw new Error(`${path}: pixels around no image`)
    const [[top, bottom], [left, right]] = around
    if (top + bottom + left + right === 0) return value
    const { height, width } = value.shape
    const shape = {
      ...value.shape,
      height: map(height, (n) => n + top + bottom),
      width: map(width, (n) => n + left + right),
    }
    return this.push({
      operation: "pad",
      around,
      value: filling,
      ...this.after(value, `${path}.pad`, shape),
    })
  }

  /** Stochastic depth of one branch of a residual block; nothing at rate 0. */
  dropPath(path: string, value: Value, rate: number): Value {
    return rate === 0 ? value : this.drop("dropPath", `${path}.dropPath`, value, rate)
  }

  drop(operation: "dropout" | "dropPath", path: string, value: Value, rate: number): Value {
    return this.push({ operation, rate, place: this.nodes.length, ...this.after(value, path) })
  }
}
