/** Words of other tools in the files: each is told for what it is here, and a slip only for what it is a slip of. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { parse } from "../../src/declaration/Document.ts"
import { expand } from "../../src/experiment/Plan.ts"

const base = `name: x
space: ../spaces/resnet8.yaml
data: { kind: synthetic }
reward: { cost: { target: { times: 1, uniform: INT4 } } }
`
const messages = (sets: ReadonlyArray<string>) =>
  parse("experiments/x.yaml", base).pipe(
    Effect.flatMap((document) => Effect.flip(expand(document, { sets }))),
    Effect.map(({ errors }) => errors.map(({ message }) => message).join("\n")),
  )

layer(NodeFileSystem.layer)("a word of another tool", (it) => {
  it.effect.each<readonly [set: string, expected: string]>([
    ["search.kind=darts", "there is no such search here, and differentiable is nearest in meaning"],
    ["search.kind=genetic", "it is evolution here"],
    ["search.kind=rl", "it is reinforce here"],
    ["search.kind=grid", "values to try out stand in lists under matrix"],
    ["search.kind=reinforec", "did you mean reinforce?"],
    ["train.optimizer.kind=adamw", "it is adam here, whose weightDecay is decoupled"],
    [
      "train.optimizer.kind=nadam",
      "there is no such optimizer here, and adam is nearest in meaning",
    ],
    ["train.optimizer.kind=RMSProp", "did you mean rmsprop?"],
    ["train.optimizer=adam", "{ kind: adam } would be right"],
    ["train.learningRate.kind=linear", "cosine is nearest in meaning"],
    ["train.lr=0.1", "it is learningRate: { peak: 0.1 } here"],
    ["train.epochs=10", "there are no epochs; steps counts batches of data.batchSize images"],
    ["train.optimizer.type=adam", "it is kind here"],
    ["epochs=3", "train.steps counts batches"],
    ["track=none", "{ kind: none } would be right"],
    ["track.kind=wandb", "there is no such tracker here, and mlflow is nearest in meaning"],
    ["data.kind=cifar100", "as a folder of images per class it is kind: imageFolder with its path"],
    ["data.kind=cifra10", "did you mean cifar10?"],
    ["data.kind=fashion", "it is fashionMnist here"],
    ["reward.kind=mnasnet", "it is softExponential here"],
    ["reward.quality=val_acc", "it is heldOutAccuracy here"],
    ["reward.quality=accuracy", "heldOutAccuracy or trainAccuracy"],
    ["reward.quality=testAccuracy", "a search does not see the test images"],
    ["reward.cost.kind=flops", "there is no such cost here, and gbops is nearest in meaning"],
    ["reward.cost.kind=bops", "it is gbops here"],
    ["finish.evaluate=val", "it is heldOut here"],
    ["space.network.0.conv.activation=hswish", "it is hardSwish here"],
    [
      "space.network.0.conv.activation=prelu",
      "there is no such activation here, and leakyRelu is nearest in meaning",
    ],
    [
      "space.network.0.conv.norm=instance",
      "there is no such norm here, and group is nearest in meaning",
    ],
    [
      "space.network.0.conv.padding=zeros",
      "there is no such padding here, and same is nearest in meaning",
    ],
    ["space.network.0={ conv2d: { filters: 8 } }", "it is conv here"],
    ["space.network.0={ batchNorm: {} }", "it is norm here"],
    ["space.formats.scale.granularity=per_channel", "it is channel here"],
    ["space.formats.scale.granularity.weights=group", "it is block here"],
    ["space.formats.scale.rule=lsq", "it is learned here"],
    ["space.formats.scale.rule=minmax", "it is absmax here"],
    ["space.formats.scale.rule=percentile", "it has a number: { percentile: 99.9 }"],
    ["space.formats.scale.sharedExponent=ocp", "it is floor here"],
    ["space.formats.oneOf=[INT4, fp8_e4m3]", "it is E4M3 here"],
    ["space.formats.oneOf=INT4", "a list would be right: [INT4]"],
    ["space.formats.oneOf=w4a8", "it names two formats"],
    ["space.formats.oneOf=fliqs-s-itn", "did you mean fliqs-s-int?"],
    ["space.formats.weights=u8", "it is UINT8 here"],
    ["reward.cost.target.uniform=int8", "names are written in capitals: INT8"],
  ])("%s", ([set, expected]) =>
    Effect.map(messages([set]), (found) => assert.include(found, expected)),
  )
  it.effect("in a choice among formats", () =>
    Effect.map(
      messages(["space.choices={ f: { oneOf: [INT4, uint_8] } }", "space.formats={ use: f }"]),
      (found) =>
        assert.include(
          found,
          "it must be a format name, or a pair { weights, activations }: it is written UINT8",
        ),
    ),
  )
})
