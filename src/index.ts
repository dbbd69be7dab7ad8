/**
 * The public names: docs/library.md shows each of them at work. Importing this loads no TensorFlow; `train` does.
 *
 * Left out: everything that no name here leads to; it may change without notice.
 */
export { DeclarationError, DeclarationErrors } from "./declaration/Errors.ts"
export { StorageError } from "./disk/Errors.ts"
export type { Format } from "./format/Format.ts"
export {
  type ExperimentPlan,
  type ExperimentTrial,
  planExperiment,
} from "./library/ExperimentPlan.ts"
export { costOf, type LayerCost, type NetworkCost } from "./library/NetworkCost.ts"
export { fakeQuantize, formats } from "./library/NumberFormats.ts"
export {
  buildSpace,
  readSpace,
  type SearchSpace,
  uniformAssignment,
} from "./library/SearchSpace.ts"
export { simulate, type Simulation } from "./library/Simulation.ts"
export { train, type TrainOptions } from "./library/Training.ts"
export type { Assignment } from "./space/Decision.ts"
export { BackendError } from "./tensor/Errors.ts"
export { TrialError } from "./train/Errors.ts"
export type { TrainEvent } from "./train/TrainEvent.ts"
