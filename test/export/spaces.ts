/** Tiny spaces whose networks have everything an export must carry: a kind of network with formats and scales each. */
import * as tiny from "../supernet/tiny.ts"

const head = (name: string, size: number, network: string, formats: string): string => `
name: ${name}
input: { height: ${size}, width: ${size}, channels: 3 }
classes: 10
network:
${network}
formats: ${formats}
`

const residual = `
  - conv: { name: stem, filters: 8, kernel: 5, stride: 2 }
  - maxPool: { window: 3, stride: 2 }
  - basic: { filters: 8 }
  - bottleneck: { filters: 8, stride: 2 }
  - basic: { filters: 16, stride: 2 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }`

const resnet = (name: string, formats: string): string => head(name, 32, residual, formats)

const mobile = `
  - conv: { name: stem, filters: 8, kernel: 3, stride: 2, activation: relu6 }
  - depthwiseConv: { kernel: 3, stride: 2, activation: relu6 }
  - invertedResidual: { filters: 8, kernel: 5, expansion: 3, stride: 2, activation: relu6 }
  - conv: { name: top, filters: 16, kernel: 1, norm: none, activation: gelu }
  - averagePool: { window: 3, stride: 2 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }`

/** The same spaces with other formats and scales. */
const withFormats = (yaml: string, formats: string): string =>
  yaml.replace(/\nformats: .*/u, `\nformats: ${formats}`)

export const spaces: Readonly<Record<string, string>> = {
  resnetInt: resnet(
    "resnet-int",
    "{ oneOf: [INT4, INT5, INT6, INT8, INT16], scale: { granularity: channel, unsignedAfterRelu: true } }",
  ),
  resnetFp: resnet(
    "resnet-fp",
    "{ oneOf: [E2M1, E2M3, E3M2, E4M3, E5M2, E4M3FNUZ, E5M2FNUZ, BF16, FP16] }",
  ),
  resnetBlocks: resnet(
    "resnet-blocks",
    "{ oneOf: [MXFP4, MXFP6E2M3, MXFP8E4M3, MXFP8E5M2, MXINT8, NVFP4], scale: { sharedExponent: floor } }",
  ),
  resnetEven: resnet(
    "resnet-even",
    "{ oneOf: [MXFP6E3M2, NVFP4, INT4], scale: { sharedExponent: even, granularity: block, blockSize: 6, rule: mse } }",
  ),
  resnetLearned: resnet(
    "resnet-learned",
    "{ oneOf: [INT4, INT8, E4M3, FP32], scale: { rule: learned } }",
  ),
  resnetPercentile: resnet(
    "resnet-percentile",
    "{ oneOf: [INT3, INT4, E3M4], scale: { rule: { percentile: 97 }, granularity: { weights: channel, activations: block }, blockSize: 5 } }",
  ),
  mobile: head(
    "mobile",
    32,
    mobile,
    "{ weights: { oneOf: [INT4, INT8] }, activations: INT8, scale: { granularity: channel, rule: mse } }",
  ),
  mobileBlocks: head(
    "mobile-blocks",
    31,
    mobile,
    "{ weights: { oneOf: [MXFP4, NVFP4] }, activations: { oneOf: [MXFP8E4M3, INT8] }, scale: { sharedExponent: ceil } }",
  ),
  excited: tiny.excited,
  joined: tiny.joined,
  deep: tiny.deep,
  modern: tiny.modern,
  chosen: tiny.chosen,
  sized: tiny.sized,
  sizedFlat: tiny.sizedFlat,
  attended: tiny.attended,
  averaged: withFormats(
    tiny.averaged,
    "{ oneOf: [INT4, E4M3, INT8, NVFP4], scale: { granularity: token, unsignedAfterRelu: true } }",
  ),
  averagedMse: withFormats(
    tiny.averaged,
    "{ oneOf: [INT4, INT6], scale: { granularity: { weights: channel, activations: token }, rule: mse } }",
  ),
  plain: withFormats(tiny.averaged.replace(", attentionProducts: INT8", ""), "FP32"),
}
