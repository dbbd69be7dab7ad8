/** What `fliqs evaluate` finds, for those who print it. Left out: words (`EvaluationTables.ts`). */
import type { Confusion } from "../../export/evaluate/Confusion.ts"
import type { FileModel } from "../../export/evaluate/FileModel.ts"
import type { FileSizes, Predicted } from "../../export/evaluate/FileSizes.ts"
import type { Profile } from "../../export/evaluate/LayerProfile.ts"
import type { PairedTimes } from "../../export/evaluate/PairedTimes.ts"

export interface Evaluation {
  readonly name: string
  readonly runtime: string
  readonly opset: number
  readonly model: FileModel
  readonly dataName: string
  readonly classNames: ReadonlyArray<string>
  readonly confusion: Confusion
  /** Share, of the trial on the same images. */
  readonly finalAccuracy?: number
  readonly sizes: FileSizes
  readonly predicted?: Predicted
  /** Bytes of the twin; or why there is none. */
  readonly twin: number | string
  readonly threads: number
  /** Images at once while it is timed. */
  readonly batch: number
  readonly times: PairedTimes
  /** Whether the runtime was left to multiply integers. */
  readonly isInteger: boolean
  /** Times where it is, of a file that is run otherwise. */
  readonly integerTimes?: PairedTimes
  /** Of the file, and of its twin if it has one. */
  readonly profiles: ReadonlyArray<Profile>
  /** Whether the profiles were run often enough to show times. */
  readonly isProfiled: boolean
}
