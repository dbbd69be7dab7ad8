/** Three networks of MLPerf Tiny (arXiv 2106.07597, table 1) in one format, for counts by hand. */

/** ResNet-8 on 32 x 32 x 3: three stages of one basic block. */
export const resnet8 = (formats = "INT8"): string => `
name: resnet8-tiny
input: { height: 32, width: 32, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: 16, kernel: 3 }
  - basic: { filters: 16 }
  - basic: { filters: 32, stride: 2 }
  - basic: { filters: 64, stride: 2 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: ${formats}
`

const separable = (filters: number, stride: number, name: string): string => `
  - depthwiseConv: { name: ${name}dw, kernel: 3, stride: ${stride} }
  - conv: { name: ${name}pw, filters: ${filters}, kernel: 1 }`

/** MobileNetV1 at a quarter of its width, on 96 x 96 x 3. */
export const mobilenetV1 = (formats = "INT8"): string => `
name: mobilenet-v1-025
input: { height: 96, width: 96, channels: 3 }
classes: 2
network:
  - conv: { name: stem, filters: 8, kernel: 3, stride: 2 }${[
    [16, 1],
    [32, 2],
    [32, 1],
    [64, 2],
    [64, 1],
    [128, 2],
    [128, 1],
    [128, 1],
    [128, 1],
    [128, 1],
    [128, 1],
    [256, 2],
    [256, 1],
  ]
    .map(([filters, stride], i) => separable(filters!, stride!, `b${i}`))
    .join("")}
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: ${formats}
`

/** DS-CNN on 49 x 10 keyword features. */
export const dsCnn = (formats = "INT8"): string => `
name: ds-cnn
input: { height: 49, width: 10, channels: 1 }
classes: 12
network:
  - conv: { name: stem, filters: 64, kernel: [10, 4], stride: 2 }${[0, 1, 2, 3]
    .map((i) => separable(64, 1, `b${i}`))
    .join("")}
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: ${formats}
`

/** A choice among operations, zeros around an image, a searched size: what is counted of them. */
export const choosing = `
name: choosing
input: { height: { oneOf: [8, 16] }, width: same, channels: 3 }
classes: 4
network:
  - conv: { name: stem, filters: 8, kernel: 3 }
  - choice:
      name: mix
      oneOf:
        - conv: { name: wide, filters: 8, kernel: 3 }
        - invertedResidual: { name: mb, filters: 8, expansion: { oneOf: [2, 4] } }
        - identity: {}
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [INT4, INT8], scope: layer }
`
