/**
 * One of several kinds: the list at the end of each axis folder (formats, costs, rewards, searches, data sets).
 *
 * A member is one file with its `kind`, its `spec` and whatever makes it; the list gives one Schema for them all.
 */
import { Schema } from "effect"

/** What every member of an axis has; the rest is the axis's own. */
export interface Kind {
  readonly kind: string
  /** A Schema whose type has the literal `kind`. */
  readonly spec: Schema.Codec<{ readonly kind: string }, { readonly kind: string }>
}

type Specs<Members extends ReadonlyArray<Kind>> = {
  readonly [I in keyof Members]: Members[I]["spec"]
}

type ByKind<Members extends ReadonlyArray<Kind>> = {
  readonly [M in Members[number] as M["kind"]]: M
}

/** A union on `kind` named `identifier` in JSON Schema, the members by kind, and the kinds in order. */
export const oneOfKinds = <const Members extends readonly [Kind, ...Array<Kind>]>(
  identifier: string,
  members: Members,
): {
  readonly schema: Schema.Union<Specs<Members>>
  readonly members: ByKind<Members>
  readonly kinds: ReadonlyArray<Members[number]["kind"]>
} => ({
  schema: Schema.Union(members.map((member) => member.spec) as unknown as Specs<Members>).annotate({
    identifier,
  }),
  members: Object.fromEntries(members.map((member) => [member.kind, member])) as ByKind<Members>,
  kinds: members.map((member) => member.kind),
})
