/**
 * What the page of a grid shows: figures, pictures, and of every trial its declaration, alarms, results and commands. Left
 * out: reading it (`ReadReport.ts`), the page (`ReportPage.ts`).
 */
import type { TrialState } from "../orchestrator/TrialStatus.ts"
import type { OptionValue } from "../space/Option.ts"
import type { Arm, ArmTrial } from "./Arms.ts"
import type { Figures } from "./Figures.ts"
import type { Named } from "./GridPictures.ts"
import type { Html } from "./Html.ts"

/** One trial with all that its own page shows. */
export interface ReportTrial {
  readonly arm: Arm
  readonly trial: ArmTrial
  readonly state: TrialState
  readonly step: number
  readonly steps: number
  /** Seconds of training; undefined while it has none. */
  readonly seconds?: number
  readonly alarms: ReadonlyArray<string>
  /** Everything that the result depends on, as YAML. */
  readonly yaml: string
  readonly assignment: Readonly<Record<string, OptionValue>>
  /** What to do, and the command that does it. */
  readonly commands: ReadonlyArray<readonly [words: string, command: string]>
}

export interface ReportHead {
  readonly title: string
  readonly description?: string
  /** The command that runs the grid, or goes on with it. */
  readonly command: string
  /** When it was made, and by which version. */
  readonly made: { readonly time: Date; readonly version: string }
}

export interface Report extends ReportHead {
  readonly figures: Figures
  readonly pictures: ReadonlyArray<Named>
  /** In the order of the arms. */
  readonly trials: ReadonlyArray<ReportTrial>
  /** Elements with what the scripts of the page read. */
  readonly data: ReadonlyArray<Html>
}
