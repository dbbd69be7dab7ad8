/**
 * One of several kinds: the list at the end of each axis folder (formats, costs, rewards, searches, data sets).
 *
 * A member is one file with its `kind`, its `spec` and whatever makes it; the list gives one Schema for them all.
 */
import { Schema } from "effect"
import { asSentence, withDefault } from "./Field.ts"
import { withOtherNames } from "./OtherNames.ts"
import type { OtherNames } from "./Suggest.ts"

/** What every member of an axis has; the rest is the axis's own. */
export interface Kind {
  readonly kind: string
  /** A struct whose field `kind` is the literal. */
  readonly spec: Schema.Codec<{ readonly kind: string }, { readonly kind: string }>
  /** One sentence without its full stop, which becomes the description of the spec. */
  readonly summary?: string
}

type Specs<Members extends ReadonlyArray<Kind>> = {
  readonly [I in keyof Members]: Members[I]["spec"]
}

type ByKind<Members extends ReadonlyArray<Kind>> = {
  readonly [M in Members[number] as M["kind"]]: M
}

/**
 * A union on `kind` named `identifier` in JSON Schema, the members by kind, and the kinds in order.
 *
 * With `usual`, a block that names no kind is of that kind. `others` are names that other tools give to the kinds.
 */
export const oneOfKinds = <const Members extends readonly [Kind, ...Array<Kind>]>(
  identifier: string,
  members: Members,
  usual?: Members[number]["kind"],
  others?: OtherNames,
): {
  readonly schema: Schema.Union<Specs<Members>>
  readonly members: ByKind<Members>
  readonly kinds: ReadonlyArray<Members[number]["kind"]>
} => {
  const specs = members.map(({ kind, spec, summary }) => {
    const own = kind === usual ? withUsualKind(spec, kind) : spec
    return summary === undefined ? own : own.annotate({ description: asSentence(summary) })
  })
  const schema = Schema.Union(specs as ReadonlyArray<unknown> as Specs<Members>).annotate({
    identifier,
  })
  return {
    schema: others === undefined ? schema : withOtherNames(schema, others),
    members: Object.fromEntries(members.map((member) => [member.kind, member])) as ByKind<Members>,
    kinds: members.map((member) => member.kind),
  }
}

/** The struct of a kind in which the key `kind` is optional. */
const withUsualKind = (spec: Kind["spec"], kind: string): Schema.Top => {
  if (!("fields" in spec)) throw new Error(`the usual kind ${kind} is no plain struct`)
  const { annotations } = spec.ast
  const struct = Schema.Struct({
    ...(spec.fields as Schema.Struct.Fields),
    kind: withDefault(Schema.Literal(kind), kind),
  })
  return annotations === undefined ? struct : struct.annotate(annotations)
}
