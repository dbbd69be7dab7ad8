/**
 * What a kind of data set provides: the one thing a new data set must have, beside its line in `Datasets.ts`. Left out: the
 * data itself (`Dataset.ts`).
 */
import type { Effect, Schema } from "effect"
import type { DataSpec, SpecProblem } from "./DataSpec.ts"
import type { Dataset, DatasetShape, DataServices, Images, Source } from "./Dataset.ts"
import type { DatasetError } from "./Errors.ts"

/** How much of a split there is, before limits. */
export interface SplitCount {
  readonly name: string
  /** All that are taken for images, broken ones too. */
  readonly images: number
  /** Classes that have an image. */
  readonly classes: number
  /** Files that are not used. */
  readonly passedOver: number
  readonly broken: number
}

/** The splits of a data set. */
export interface SplitReport {
  readonly splits: ReadonlyArray<SplitCount>
  /** The name of the split that is trained on, that held-out images come from, and that is tested on. */
  readonly splitUses: { readonly train: string; readonly heldOut: string; readonly test: string }
  /** Files beside the splits. */
  readonly otherFiles: number
  /** Split -> what its files are that are passed over, in words. */
  readonly passedOver: Readonly<Record<string, string>>
  readonly warnings: ReadonlyArray<string>
}

/** One kind of data set. */
export interface DatasetKind<
  Kind extends string,
  Spec extends DataSpec,
  Encoded extends { readonly kind: string },
  Loaded extends Images = Dataset,
> {
  readonly kind: Kind
  readonly spec: Schema.Codec<Spec, Encoded>
  /** The key that a path given on the command line stands for, where the files are the user's own. Default: `path`. */
  readonly pathKey?: string
  /** One sentence for `data list`: what it is, how large, where it comes from. */
  readonly summary: string
  /**
   * The shape that `load` will give (before the limits), without loading; only where `problems` has none.
   *
   * @param folder what paths are relative to: that of the experiment file
   */
  describe(spec: Spec, folder: string): DatasetShape
  /** What is wrong with the files of the user that it names; paths are relative to `data`. */
  problems?(spec: Spec, folder: string): ReadonlyArray<SpecProblem>
  /** What its splits hold, by a look that decodes nothing; none where the folder of the user is unfit. */
  report?(spec: Spec, folder: string): SplitReport | undefined
  /** Writes out what the files of the user decide, so that a trial says all that its result depends on. */
  resolve?(spec: Spec, folder: string): Spec
  /** Keys that change nothing beside the others and the files as they are; only where `problems` has no error. */
  unread?(spec: Spec, folder: string): ReadonlyArray<UnreadKey>
  /** What of a resolved specification makes the trial: less keys whose value is what was meant before there were such. */
  identity?(spec: Spec): object
  /** For files of the user: looks into all of them. */
  verify?(
    spec: Spec,
    cacheDirectory: string,
    folder: string,
  ): Effect.Effect<OwnFiles, DatasetError, DataServices>
  /** Where it is fetched from; none for data that is made on the spot. */
  source(spec: Spec): Source | undefined
  /** Loads it; the first time it is fetched into `cacheDirectory`/data, once for all processes. */
  load(
    spec: Spec,
    cacheDirectory: string,
    folder: string,
  ): Effect.Effect<Loaded, DatasetError, DataServices>
}

/** A key of the `data:` block that nothing reads. */
export interface UnreadKey {
  readonly key: string
  readonly because: string
}

/** Files of the user that were looked into. */
export interface OwnFiles {
  readonly where: string
  readonly shape: DatasetShape
  readonly digests: Readonly<Record<string, string>>
  readonly report: SplitReport
  /** Files that cannot be decoded, in the order of their names. */
  readonly brokenFiles: ReadonlyArray<{ readonly file: string; readonly why: string }>
}
