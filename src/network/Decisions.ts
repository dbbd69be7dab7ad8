/**
 * Tunable fields become decisions here, each made once and found again by its path; what does not fit becomes a
 * `Problem` at its place in the document, and building goes on with a stand-in so that the rest is checked too.
 *
 * Left out: layers and nodes (`Builder.ts`).
 */
import type { Problem } from "../declaration/Errors.ts"
import { suggest } from "../declaration/Suggest.ts"
import { instead, parse } from "../format/Formats.ts"
import { type FormatOption, isPair, pairOf } from "../format/Pair.ts"
import {
  type Activity,
  allOf,
  type Decision,
  either,
  type Gate,
  type OptionValue,
  type Role,
} from "../space/Decision.ts"
import { combine, constant, ofDecision, type Quantity } from "../space/Quantity.ts"
import { isOneOf, isUse, type Tunable } from "../space/Tunable.ts"
import type { Value } from "./Shape.ts"

export type YamlPath = ReadonlyArray<string | number>

/** A tunable field after its decision was made: `options[choice]`, or `options[0]` when nothing is decided. */
export interface DecidedField<T> {
  readonly decision: number | null
  readonly options: ReadonlyArray<T>
}

/** Where a block stands. */
export interface BlockPlace {
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
  /** When the item runs, whichever of its repeats. */
  readonly itemActive: Activity
  /** In a cell whose uses share their decisions: paths that begin with `from` begin with `to` in decisions. */
  readonly shared?: { readonly from: string; readonly to: string }
  /** The results that items around may read by name. */
  readonly results: Results
  /** The item's fields in the document. */
  readonly at: YamlPath
}

/** Results by the names of the items that gave them, in one list of items, and those of the lists around it. */
export interface Results {
  readonly byName: Map<string, NamedResult>
  readonly around?: Results
}

export interface NamedResult {
  readonly value: Value
  /** When it is there. */
  readonly active: Quantity
}

export interface NamedDecision {
  readonly oneOf: ReadonlyArray<OptionValue>
}

/** What the options of a field must be. */
export interface OptionRule<T> {
  readonly what: string
  readonly test: (option: OptionValue) => boolean
  /** What would be right in the place of an option, where more can be said than `what`. */
  readonly instead?: (option: OptionValue) => string | undefined
  /** Of a decision among such options. */
  readonly role: Role
  /** What a broken field counts as while the rest is checked. */
  readonly fallback: T
}

const insteadOfFormat = (option: OptionValue): string | undefined =>
  typeof option === "string" ? instead(option) : undefined

export const aFormat: OptionRule<string> = {
  what: "a format name",
  instead: insteadOfFormat,
  test: (option) => typeof option === "string" && parse(option) !== undefined,
  role: "format",
  fallback: "FP32",
}

const isFormatName = (name: unknown): boolean =>
  typeof name === "string" && parse(name) !== undefined

/** Of both operands of a layer. */
export const aFormatOrPair: OptionRule<FormatOption> = {
  what: "a format name, or a pair { weights, activations }",
  instead: insteadOfFormat,
  test: (option) =>
    isPair(option)
      ? isFormatName(option.weights) && isFormatName(option.activations)
      : isFormatName(option),
  role: "format",
  fallback: "FP32",
}

const wordsOf = <T>({ instead, what }: OptionRule<T>, bad: OptionValue): string => {
  const words = instead?.(bad)
  return words === undefined ? what : `${what}: ${words}`
}

/** The path of a decision made at `path`. */
const decisionPath = ({ shared }: BlockPlace, path: string): string =>
  shared !== undefined && path.startsWith(shared.from)
    ? `${shared.to}${path.slice(shared.from.length)}`
    : path

/** Where a decision is made. */
interface DecisionPlace {
  readonly path: string
  readonly tag: string
  readonly active: Activity
  readonly at: YamlPath
}

/** Ends the building of one item after a problem that leaves nothing to go on with. */
export class BuildStopped extends Error {}

const bitsOf = (format: string): number => parse(format)?.bits ?? 0

/** Bits of a format; of a pair the geometric mean, so that sizes go by the cost of a product. */
export const sizeOfFormat = (option: FormatOption): number => {
  const { activations, weights } = pairOf(option)
  return weights === activations
    ? bitsOf(weights)
    : Math.sqrt(bitsOf(weights) * bitsOf(activations))
}

/** How large an option is: bits of a format, area of a kernel, else the number itself. */
const sizeOfOption = (option: OptionValue): number =>
  typeof option === "string" || isPair(option)
    ? sizeOfFormat(option)
    : typeof option === "number"
      ? option
      : Array.isArray(option)
        ? option.reduce((a: number, b: number) => a * b, 1)
        : Number(option)

export class Decisions {
  readonly problems: Array<Problem> = []
  readonly warnings: Array<Problem> = []
  readonly decisions: Array<Decision> = []
  readonly usedChoices = new Set<string>()
  /** True after a problem that makes later shapes meaningless. */
  broken = false
  private readonly choices: Readonly<Record<string, NamedDecision>>
  private readonly byPath = new Map<string, number>()

  constructor(choices: Readonly<Record<string, NamedDecision>>) {
    this.choices = choices
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

  /** Ends the building of this item. Shapes after a broken item mean nothing, so their problems are not reported. */
  stop(at: YamlPath, message: string): never {
    if (!this.broken) this.problem(at, message)
    this.broken = true
    throw new BuildStopped(message)
  }

  /** Adds a decision, or finds the one already made at this path. `at` is where it is made. */
  decision(decision: Decision, at: YamlPath): number {
    const { options, path, role } = decision
    const index = this.byPath.get(path)
    if (index === undefined) {
      this.byPath.set(path, this.decisions.length)
      return this.decisions.push(decision) - 1
    }
    const known = this.decisions[index]!
    if (known.active !== decision.active)
      this.decisions[index] = { ...known, active: either(known.active, decision.active) }
    if (known.role !== role || JSON.stringify(known.options) !== JSON.stringify(options))
      this.problem(
        at,
        `another decision has the path ${path} already; rename the item or the choice`,
      )
    return index
  }

  /** Resolves a tunable value. `rule` says what an option of a named choice must be. */
  choose<T extends OptionValue>(
    value: Tunable<T>,
    place: DecisionPlace,
    rule: OptionRule<T>,
  ): DecidedField<T> {
    if (isUse(value)) return this.use(value.use, [...place.at, "use"], rule)
    if (!isOneOf(value)) return { decision: null, options: [value] }
    const bad = value.oneOf.find((option) => !rule.test(option))
    if (bad !== undefined)
      this.problem(
        [...place.at, "oneOf"],
        `${JSON.stringify(bad)} does not fit here; options must be ${wordsOf(rule, bad)}`,
      )
    return this.chosen(value.oneOf, rule.role, place)
  }

  /** A decision among names; how large each is comes later (`resize`). */
  among(names: ReadonlyArray<string>, place: BlockPlace, tag: string, at: YamlPath): number {
    const path = decisionPath(place, `${place.path}.${tag}`)
    const sizes = names.map(() => 0)
    const { active } = place
    return this.decision({ path, tag, role: "architecture", options: names, sizes, active }, at)
  }

  resize(decision: number, sizes: ReadonlyArray<number>): void {
    this.decisions[decision] = { ...this.decisions[decision]!, sizes }
  }

  private chosen<T extends OptionValue>(
    options: ReadonlyArray<T>,
    role: Role,
    { path, tag, active, at }: DecisionPlace,
  ): DecidedField<T> {
    if (options.length === 1) return { decision: null, options }
    const sizes = options.map(sizeOfOption)
    return { decision: this.decision({ path, tag, role, options, sizes, active }, at), options }
  }

  /** The named choice, as a decision at `choices.NAME`. */
  use<T extends OptionValue>(
    name: string,
    at: YamlPath,
    rule: OptionRule<T>,
    active: Activity = "always",
  ): DecidedField<T> {
    const choice = Object.hasOwn(this.choices, name) ? this.choices[name] : undefined
    if (choice === undefined) {
      const names = Object.keys(this.choices)
      const near = suggest(name, names)
      return this.recover(
        at,
        `no choice is named ${JSON.stringify(name)}; ` +
          (near === undefined
            ? `declare it under choices: { ${name}: { oneOf: [...] } }`
            : `did you mean ${near}?`),
        rule,
      )
    }
    this.usedChoices.add(name)
    const bad = choice.oneOf.find((option) => !rule.test(option))
    if (bad !== undefined)
      return this.recover(
        at,
        `choice ${name} offers ${JSON.stringify(bad)}, which does not fit here; it must be ${wordsOf(rule, bad)}`,
        rule,
      )
    return this.chosen(choice.oneOf as ReadonlyArray<T>, rule.role, {
      path: `choices.${name}`,
      tag: name,
      active,
      at,
    })
  }

  /** Goes on with a stand-in after a problem, so that the rest of the file is checked too. */
  private recover<T>(at: YamlPath, message: string, rule: OptionRule<T>): DecidedField<T> {
    this.problem(at, message)
    this.broken = true
    return { decision: null, options: [rule.fallback] }
  }

  /** A tunable field of a block: one decision per item (`item`) or per repeat (`repeat`, unless `shared`). */
  field<T extends OptionValue>(
    place: BlockPlace,
    name: string,
    value: Tunable<T>,
    per: "item" | "repeat",
    rule: OptionRule<T>,
  ): DecidedField<T> {
    const whole = per === "item" || (isOneOf(value) && value.shared === true)
    return this.choose(
      value,
      {
        path: decisionPath(place, `${whole ? place.item : place.path}.${name}`),
        tag: name,
        active: whole ? place.itemActive : place.active,
        at: [...place.at, name],
      },
      rule,
    )
  }

  quantity<T>(chosen: DecidedField<T>, f: (option: T) => number): Quantity {
    return chosen.decision === null
      ? constant(f(chosen.options[0]!))
      : ofDecision(chosen.decision, chosen.options.map(f))
  }

  /** 1 where active, else 0. */
  activeQuantity(active: Activity): Quantity {
    if (active === "always") return constant(1)
    const open = ({ choices, decision }: Gate): Quantity => {
      const { options } = this.decisions[decision]!
      return ofDecision(
        decision,
        options.map((_, i) => (choices.includes(i) ? 1 : 0)),
      )
    }
    const all = active.map((gate): Quantity => {
      const gates = allOf(gate).map(open)
      return gates.length === 1 ? gates[0]! : combine(gates, (is) => Math.min(...is))
    })
    return all.length === 1 ? all[0]! : combine(all, (is) => Math.max(...is))
  }
}
