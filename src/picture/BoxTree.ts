/**
 * What a drawing of boxes holds: a stack of boxes in the order data goes through them, some with stacks inside. Plain
 * data: `BoxLayout.ts` says where each stands, `BoxSvg.ts` writes the SVG, and who makes a drawing says what is in it.
 */

/** An option of a decision. `open`: nothing is decided. */
export interface Chip {
  readonly text: string
  readonly state: "open" | "chosen" | "left"
}

/** A decision with its options, or a value that is not decided. */
export interface Row {
  readonly label: string
  readonly role: "format" | "architecture"
  readonly chips: ReadonlyArray<Chip>
}

/** A table of formats: a row for each repeat, a column for each layer. */
export interface FormatGrid {
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<{
    readonly label: string
    /** Absent: the layer is not there. `level`: 0 to 1, from few bits to many. */
    readonly cells: ReadonlyArray<{ readonly text: string; readonly level: number } | undefined>
  }>
}

export type Tint = "layer" | "dense" | "pool" | "plain"

export interface Box {
  readonly title: string
  /** What it is, where the title does not say so. */
  readonly kind: string
  readonly tint: Tint
  /** How often it stands here: `× 3`. */
  readonly times?: string
  readonly facts: ReadonlyArray<string>
  readonly rows: ReadonlyArray<Row>
  readonly grid?: FormatGrid
  /** Stacks inside: one after another, side by side on one input, or of which one runs. */
  readonly inner?: {
    readonly arrangement: "stack" | "branches" | "options"
    readonly stacks: ReadonlyArray<Stack>
    /** How branches end. */
    readonly join?: "concat" | "sum"
  }
  /** Whether its input is added to its result. */
  readonly hasShortcut: boolean
}

export interface Stack {
  readonly label?: string
  readonly state?: Chip["state"]
  readonly steps: ReadonlyArray<{
    readonly box: Box
    /** Of its result; absent: not written. */
    readonly shape?: string
  }>
}

export interface BoxDrawing {
  readonly title: string
  /** In words: the alternative text. */
  readonly description: string
  /** Lines under the title. */
  readonly lines: ReadonlyArray<string>
  /** Decisions of no box. */
  readonly rows: ReadonlyArray<Row>
  readonly input: string
  readonly network: Stack
  /** Parts that stand in several places, drawn once. */
  readonly parts: ReadonlyArray<{ readonly title: string; readonly stack: Stack }>
  /** Whether options are marked as decided. */
  readonly isDecided: boolean
  /** What its decisions are about. */
  readonly roles: ReadonlyArray<Row["role"]>
}
