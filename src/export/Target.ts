/**
 * What an export target is: one file of this folder, one entry in `Exports.ts`.
 *
 * A target turns a found model into files, and opens what was written with a runtime that is not ours, so that its logits
 * can be compared (`Verify.ts`). Left out: writing the files (`cli/`).
 */
import type { Values } from "../data/Dataset.ts"
import type { FoundModel } from "./FoundModel.ts"

export interface ExportOptions {
  /** `uint8`: the file takes bytes [batch, height, width, channels] and normalises them itself. */
  readonly input: "float32" | "uint8"
  /** Formats that the target has no type for go out as fake-quantized floats, not as codes with a table of values. */
  readonly emulate: boolean
  /** `standard`: four-bit floats in the type of the standard. `portable`: as codes with a table, which runs everywhere. */
  readonly flavour: "portable" | "standard"
  /** False: the file does not say how the runtime multiplies integers. */
  readonly integers?: boolean
  /** The Python program that runs what is written for it; by default the one that is found. */
  readonly python?: string
}

/** What is written where nothing is asked for. */
export const usualOptions: ExportOptions = {
  input: "float32",
  emulate: false,
  flavour: "portable",
}

/** One file of an export. */
export interface ExportedFile {
  /** Relative to the folder of the export; "" for a target that is one file. */
  readonly path: string
  readonly parts: ReadonlyArray<Uint8Array>
}

/** What was written, opened by a runtime. */
export interface Runner {
  /** For people: the runtime and its version. */
  readonly runtime: string
  /** Logits [count, classes] of images [count, height, width, channels]. */
  readonly logits: (images: Values, count: number) => Promise<Float32Array>
  readonly close: () => Promise<void>
}

/** Why nothing was opened, and how whoever has the runtime runs it. */
export interface NotRun {
  readonly notRun: string
}

export interface ExportTarget {
  /** As `--to` takes it. */
  readonly name: string
  /** One sentence for the help. */
  readonly description: string
  readonly writes: "file" | "folder"
  /** Throws `Refused` where the target cannot say what the model is. */
  readonly write: (model: FoundModel, options: ExportOptions) => ReadonlyArray<ExportedFile>
  /** A step of the set-up (`scripts/setup.sh`) that `open` needs. */
  readonly needs?: string
  /**
   * Opens the files at `path` in a faster way that computes a model of its own, near the one that was written; undefined
   * where there is none.
   */
  readonly openFast?: (
    path: string,
    model: FoundModel,
    options: ExportOptions,
  ) => Promise<{ readonly runner: Runner; readonly model: FoundModel } | undefined>
  /** Opens the files at `path`. A target without a runtime leaves this out. */
  readonly open?: (
    path: string,
    model: FoundModel,
    options: ExportOptions,
  ) => Promise<Runner | NotRun>
}

/** Something of a model that a target cannot say: named, with what would be right. */
export class Refused extends Error {}
