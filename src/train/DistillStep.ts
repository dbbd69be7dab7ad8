/**
 * The graph of a step that trains two networks at once: the widest on the labels, and a narrower one on what the widest
 * says of the same images (in-place distillation under the sandwich rule, arXiv 1903.05134, section 3.4; BigNAS, arXiv
 * 2003.11142, section 3.1). The two losses are added; no gradient of the second goes to the widest network's logits.
 */
import type { Choices } from "../space/Decision.ts"
import { widestChoices } from "../space/DecisionSpace.ts"
import type { Supernet } from "../supernet/Supernet.ts"
import { tf } from "../tensor/Backend.ts"
import type { Scalar, Tensor, Tensor1D, Tensor2D } from "../tensor/Backend.ts"
import { accuracy, distillation, l2Norms, softmaxCrossEntropy } from "../tensor/Kernels.ts"
import { rowLength } from "../format/Row.ts"
import { makeNamedStep, type NamedStep } from "./NamedStep.ts"
import { exampleOf, release, stateOf, type Training } from "./OptimizerSteps.ts"
import { normalise, type TrainInputs } from "./StepInputs.ts"

type TeacherInputs = {
  /** As `rows` and `sizes`, of the network that teaches. */
  readonly teacherRows: Tensor2D
  readonly teacherSizes: Tensor1D
}

export const teacherInputs = (
  supernet: Supernet,
  teacher: Choices,
  sizes: Int32Array = supernet.sizesOf(teacher),
): TeacherInputs => ({
  teacherRows: tf.tensor2d(supernet.rowsOf(teacher), [supernet.sites, rowLength]),
  teacherSizes: tf.tensor1d(sizes, "int32"),
})

type DistillInputs = TrainInputs & TeacherInputs

/** Loss and accuracy are those of the network that learns, on the labels. */
export const makeDistillStep = (
  training: Training,
): NamedStep<DistillInputs, "loss" | "accuracy" | "weightNorms"> => {
  const { dataset, eager, layerWeights, optimizer, spec, supernet, trained } = training
  const widest = widestChoices(supernet.network.space)
  return makeNamedStep({
    state: stateOf(training),
    example: (): DistillInputs => ({
      ...exampleOf(training),
      ...teacherInputs(supernet, widest, supernet.largestSizes),
    }),
    body: (inputs: DistillInputs) => {
      const { images, labels, seed, teacherRows, teacherSizes } = inputs
      let learnt: Tensor | undefined
      const bothLosses = (): Scalar => {
        const input = normalise(images, dataset)
        const policy = { ...inputs, rows: teacherRows, sizes: teacherSizes }
        const taught = supernet.forward(input, policy, "train", { seed })
        const logits = supernet.forward(input, inputs, "train", { seed })
        learnt = tf.keep(logits)
        const hard = softmaxCrossEntropy(taught, labels, spec.labelSmoothing)
        return tf.add(hard, distillation(logits, taught))
      }
      const { grads } = tf.variableGrads(bothLosses, [...trained])
      optimizer.update(grads, inputs.learningRate)
      const logits = release(learnt!)
      return {
        loss: softmaxCrossEntropy(logits, labels, spec.labelSmoothing),
        accuracy: accuracy(logits, labels),
        weightNorms: l2Norms(layerWeights),
      }
    },
    eager,
  })
}
