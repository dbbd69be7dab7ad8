/**
 * Items as boxes. Equal items in a row are drawn once, as are cells with a part of their own. Left out: what belongs to no item
 * (`SpaceDrawing.ts`).
 */
import type { Items } from "../../network/Builder.ts"
import type { Branch } from "../../network/block/Branches.ts"
import { itemNames } from "../../network/Items.ts"
import type { Space } from "../../network/SpaceFile.ts"
import type { Box, BoxDrawing, Row, Stack } from "../../picture/BoxTree.ts"
import {
  formatGrid,
  layersOf,
  operations,
  optionStates,
  otherFormats,
  rowsOf,
} from "./DecisionRows.ts"
import { composed, isStage, tints, withItems } from "./BlockKinds.ts"
import { factsOf, layersText, shapeText } from "./ItemFacts.ts"
import { fieldDecisions, type Instance, joined, type Subject } from "./Instances.ts"

type Fields = Readonly<Record<string, unknown>>

interface Item {
  readonly kind: string
  readonly name: string
  readonly fields: Fields
  readonly instances: ReadonlyArray<Instance>
  /** How many equal items stand in a row here. */
  readonly count: number
}

const withoutName = (fields: Fields): Fields => ({ ...fields, name: undefined })

export class ItemDrawer {
  readonly space: Space
  readonly subject: Subject
  /** Shape of what goes on behind each path. */
  private readonly shapes = new Map<string, string>()
  /** Paths of repeats or items whose result is a sum with their input. */
  private readonly sums = new Set<string>()
  /** Uses of the cells that are drawn as a part of their own. */
  readonly uses = new Map<string, Map<string, Instance>>()

  constructor(space: Space, subject: Subject) {
    this.space = space
    this.subject = subject
    for (const { operation, path, shape } of subject.network.graph.nodes) {
      const parts = path.split(".")
      const text = shapeText(shape, subject.choices)
      for (let n = 1; n <= parts.length; n++) this.shapes.set(parts.slice(0, n).join("."), text)
      if (operation === "add") this.sums.add(parts.slice(0, -2).join("."))
    }
  }

  stack(items: Items, instances: ReadonlyArray<Instance>, more: Partial<Stack> = {}): Stack {
    return {
      ...more,
      steps: this.itemsOf(items, instances).map((item) => {
        const shapes = new Set(item.instances.map(({ at }) => this.shapes.get(at)))
        const [shape] = shapes
        const isOne = shapes.size === 1 && shape !== undefined
        return { box: this.box(item), ...(isOne ? { shape } : {}) }
      }),
    }
  }

  /** Items with their places; equal ones in a row become one. */
  private itemsOf(items: Items, instances: ReadonlyArray<Instance>): ReadonlyArray<Item> {
    const names = itemNames(items, isStage)
    const found: Array<Item> = []
    items.forEach((item, i) => {
      const [kind, fields] = Object.entries(item)[0]! as [string, Fields]
      const name = names[i]!
      const own = instances.map(({ at, decisions, label }) => ({
        at: at === "" ? name : `${at}.${name}`,
        decisions: decisions === "" ? name : `${decisions}.${name}`,
        label,
      }))
      const last = found.at(-1)
      const shape = (path: string) => this.shapes.get(path)
      const isSame =
        last !== undefined &&
        last.kind === kind &&
        JSON.stringify(withoutName(last.fields)) === JSON.stringify(withoutName(fields)) &&
        own.every(({ at }, j) => shape(at) === shape(last.instances[j]!.at))
      const named = (given: string, all: ReadonlyArray<Instance>) =>
        all.map((one) => ({ ...one, label: joined(one.label, given) }))
      if (!isSame) return void found.push({ kind, name, fields, instances: own, count: 1 })
      const before = last.count === 1 ? named(last.name, last.instances) : last.instances
      found[found.length - 1] = {
        ...last,
        name: `${last.name.split(" … ")[0]!} … ${name}`,
        instances: [...before, ...named(name, own)],
        count: last.count + 1,
      }
    })
    return found
  }

  private box(item: Item): Box {
    const { count, fields, instances, kind, name } = item
    const stage = isStage(kind)
    const repeats = typeof fields["repeats"] === "number" ? fields["repeats"] : 1
    const times = [count, repeats].filter((n) => n > 1).map((n) => `× ${n}`)
    const decisions = fieldDecisions(this.subject, instances, stage).filter(
      ({ rest }) => kind !== "choice" || rest !== "op",
    )
    const inner = this.inner(item)
    const all = layersOf(this.subject, instances, stage)
    const layers = withItems.has(kind)
      ? all.filter(({ rest }) => kind === "residual" && rest === "projection")
      : inner === undefined && !this.isPart(item)
        ? all
        : []
    const isOpen = this.subject.choices === undefined
    const formats = isOpen ? otherFormats(this.subject, layers) : { facts: [], rows: [] }
    const grid = formatGrid(this.subject, layers)
    const facts = [
      this.words(item),
      composed.has(kind) ? layersText(layers, this.subject.choices) : "",
      layers.length > 0 && kind === "residual" ? layersText(layers, this.subject.choices) : "",
      ...formats.facts,
    ].filter((text) => text !== "")
    return {
      title: name,
      kind: kind === name ? "" : kind,
      tint: tints[kind] ?? "layer",
      ...(times.length === 0 ? {} : { times: times.join(" ") }),
      facts,
      rows: [
        ...rowsOf(this.subject, decisions),
        ...(kind === "choice" ? this.undrawnChoice(item) : []),
        ...formats.rows,
      ],
      ...(grid === undefined ? {} : { grid }),
      ...(inner === undefined ? {} : { inner }),
      hasShortcut:
        kind === "residual" || (composed.has(kind) && instances.some(({ at }) => this.hasSum(at))),
    }
  }

  private hasSum(at: string): boolean {
    return [...this.sums].some((path) => path === at || path.startsWith(`${at}.`))
  }

  /** Fixed fields; of a small cell its items. */
  private words(item: Item): string {
    const { fields, kind } = item
    if (kind !== "cell") return factsOf(fields)
    const use = String(fields["use"])
    if (this.isPart(item)) return `cells.${use}`
    return this.cell(use)
      .map((one) => {
        const [inner, its] = Object.entries(one)[0]! as [string, Fields]
        return `${inner === "activation" || inner === "norm" ? "" : `${inner} `}${factsOf(its)}`
      })
      .join(" → ")
  }

  private cell(use: string): Items {
    return this.space.cells?.[use] ?? []
  }

  /** Whether an item is a cell that is drawn as a part of its own: one with decisions or with items inside of items. */
  private isPart({ fields, kind }: Item): boolean {
    if (kind !== "cell") return false
    const items = this.cell(String(fields["use"]))
    return items.length > 3 || /"(oneOf|use|items|branches)":/.test(JSON.stringify(items))
  }

  private inner(item: Item): Box["inner"] {
    const { fields, instances, kind } = item
    if (kind === "cell") {
      if (this.isPart(item)) this.remember(item)
      return undefined
    }
    if (kind === "residual")
      return {
        arrangement: "stack",
        stacks: [this.stack(fields["items"] as Items, this.repeats(item))],
      }
    if (kind === "concat" || kind === "sum")
      return {
        arrangement: "branches",
        join: kind,
        stacks: (fields["branches"] as ReadonlyArray<Branch>).map((branch, i) => {
          const name = branch.name ?? String(i)
          const label = joined(
            branch.name ?? "",
            branch.from === undefined ? "" : `from ${branch.from}`,
          )
          const places = instances.map((one) => ({
            at: `${one.at}.${name}`,
            decisions: `${one.decisions}.${name}`,
            label: one.label,
          }))
          return this.stack(branch.items, places, label === "" ? {} : { label })
        }),
      }
    return kind === "choice" ? this.options(item) : undefined
  }

  private options({ fields, instances }: Item): Box["inner"] {
    const items = fields["oneOf"] as Items
    const states = optionStates(this.subject, instances)
    return {
      arrangement: "options",
      stacks: items.map((option, i) => {
        const [kind, its] = Object.entries(option)[0]! as [string, Fields]
        const name = String(its["name"] ?? kind)
        // options are called by their kind even where an item would be called a stage
        const named = [{ [kind]: { ...its, name } }]
        return this.stack(named, instances, { state: states[i] ?? "open" })
      }),
    }
  }

  /** The decisions among operations of places that took different ones. */
  private undrawnChoice({ instances }: Item): ReadonlyArray<Row> {
    const { choices } = this.subject
    return choices === undefined || optionStates(this.subject, instances).length > 0
      ? []
      : rowsOf(this.subject, operations(this.subject, instances))
  }

  /** A place for each repeat of an item. */
  private repeats({ fields, instances }: Item): ReadonlyArray<Instance> {
    const given = fields["repeats"] as number | { oneOf?: ReadonlyArray<number>; use?: string }
    const options =
      typeof given === "number"
        ? [given]
        : ((given.oneOf ?? this.space.choices?.[given.use ?? ""]?.oneOf) as ReadonlyArray<number>)
    const count = Math.max(...options)
    return instances.flatMap(({ at, decisions, label }) =>
      Array.from({ length: count }, (_, r) => ({
        at: `${at}.${r}`,
        decisions: `${decisions}.${r}`,
        label: count === 1 ? label : joined(label, String(r)),
      })),
    )
  }

  private remember({ count, fields, instances, name }: Item): void {
    const use = String(fields["use"])
    const known = this.uses.get(use) ?? new Map<string, Instance>()
    this.uses.set(use, known)
    for (const one of instances)
      known.set(one.at, {
        at: one.at,
        decisions: fields["shared"] === true ? `cells.${use}` : one.decisions,
        label: count === 1 ? joined(one.label, name) : one.label,
      })
  }

  /** The cells that the network uses, each as a part of its own. */
  parts(): BoxDrawing["parts"] {
    const drawn = () =>
      [...this.uses].map(([use, places]) => ({
        title: `cells.${use}`,
        stack: this.stack(this.cell(use), shared([...places.values()])),
      }))
    const count = () => [...this.uses.values()].reduce((sum, { size }) => sum + size, 0)
    for (let before = -1; before !== count();) {
      before = count()
      drawn()
    }
    return drawn()
  }
}

/** Labels are left out where there is one place. */
const shared = (places: ReadonlyArray<Instance>): ReadonlyArray<Instance> =>
  places.length === 1 ? [{ ...places[0]!, label: "" }] : places
