/** Tiny networks with every decision of one kind of block, for tests that train them. */
const head = (name: string, network: string): string => `
name: ${name}
input: { height: 32, width: 32, channels: 3 }
classes: 10
network:
${network}
formats: { oneOf: [INT4, E4M3, BF16], scope: block, scale: { sharedExponent: floor } }
`

/** Squeeze-excite under searched width, expansion, ratio and depth; stochastic depth, dropout. */
export const excited = head(
  "excited",
  `  - conv: { name: stem, filters: 8, kernel: 3, stride: 4, activation: swish }
  - invertedResidual:
      repeats: { oneOf: [1, 2, 3] }
      filters: { oneOf: [4, 8, 12] }
      expansion: { oneOf: [2, 3] }
      kernel: { oneOf: [3, 5] }
      seRatio: { oneOf: [0.25, 0.5] }
      activation: swish
      dropPath: 0.3
  - basic: { filters: 8, stride: 2, repeats: { oneOf: [1, 2] }, dropPath: 0.2 }
  - globalAveragePool: {}
  - dropout: { rate: 0.2 }
  - dense: { name: classifier, units: classes }`,
)

/** Branches of searched widths, asymmetric kernels, a pooling, a nested join, the identity. */
export const joined = head(
  "joined",
  `  - conv: { name: stem, filters: { oneOf: [4, 8] }, kernel: 3, stride: 2, padding: valid }
  - concat:
      name: mixed
      branches:
        - { name: b1, items: [ { conv: { filters: { oneOf: [2, 4, 6] }, kernel: 1 } } ] }
        - name: b3
          items:
            - conv: { filters: 6, kernel: [1, 7] }
            - concat: { name: split, branches: [ { items: [ { conv: { filters: 4, kernel: [1, 3] } } ] },
                                                 { items: [ { conv: { filters: { oneOf: [2, 4] }, kernel: [3, 1] } } ] } ] }
        - { name: pool, items: [ { averagePool: { window: 3, stride: 1 } }, { conv: { filters: 4, kernel: 1 } } ] }
        - { name: same, items: [] }
  - conv: { name: after, filters: 8, kernel: 3, stride: 2 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }`,
)

/** Three branches, one of them deep: gradients whose sum depends on the order of its terms. */
export const deep = head(
  "deep",
  `  - conv: { name: stem, filters: 64, kernel: 3, stride: 2 }
  - concat:
      name: mixed
      branches:
        - { name: b1, items: [ { conv: { filters: 4, kernel: 1 } } ] }
        - name: deep
          items:
            - conv: { filters: 4, kernel: 1 }
            - conv: { filters: 4, kernel: [7, 1] }
            - conv: { filters: 4, kernel: [1, 7] }
            - conv: { filters: 4, kernel: [7, 1] }
            - conv: { filters: 4, kernel: [1, 7] }
        - { name: pool, items: [ { averagePool: { window: 3 } }, { conv: { filters: 4, kernel: 1 } } ] }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }`,
)

/** Tokens under searched width, heads, hidden widths and depth; stochastic depth. */
export const attended = head(
  "attended",
  `  - patchEmbed: { name: embed, patch: 8, heads: { oneOf: [1, 2] }, headDim: 4 }
  - transformer:
      repeats: { oneOf: [1, 2] }
      heads: { oneOf: [1, 3] }
      mlpRatio: { oneOf: [1, 2.5] }
      attentionProducts: { oneOf: [INT4, INT8, E4M3, MXFP4, NVFP4, BF16] }
      dropPath: 0.2
  - transformer: { mlpRatio: 2 }
  - finalNorm: {}
  - takeClassToken: {}
  - dense: { name: classifier, units: classes }`,
)

/** Tokens without a class token. */
export const averaged = head(
  "averaged",
  `  - patchEmbed: { name: embed, patch: 8, heads: 2, headDim: 4, classToken: false }
  - transformer: { mlpRatio: 2, attentionProducts: INT8 }
  - finalNorm: {}
  - tokenMean: {}
  - dense: { name: classifier, units: classes }`,
)

/** Operations of MobileNetV3, ResNeXt and ConvNeXt: groups, dilation, norms, gates, sums, layers that appear and vanish. */
export const modern = head(
  "modern",
  `  - conv: { name: stem, filters: { oneOf: [8, 16] }, kernel: 3, stride: 2, padding: 1, norm: group, normGroups: 4, activation: { oneOf: [hardSwish, leakyRelu, none] } }
  - maxPool: { window: 3, stride: 2, padding: [[0, 1], [1, 0]] }
  - residual:
      items:
        - conv: { name: in, filters: 8, kernel: 1, norm: none, bias: false, activation: elu }
        - conv: { name: wide, filters: 8, kernel: { oneOf: [3, 5] }, groups: 4, dilation: [1, 2], bias: true }
        - squeezeExcite: { ratio: { oneOf: [0.25, 0.5] }, gate: hardSigmoid, activation: silu }
        - depthwiseConv: { kernel: 3, dilation: 2, norm: layer, activation: tanh }
      repeats: { oneOf: [1, 2] }
      layerScale: 0.5
      activation: relu
      dropPath: 0.2
  - invertedResidual:
      filters: 8
      repeats: { oneOf: [0, 1] }
      expansion: { oneOf: [0.5, 1, 2.5] }
      seRatio: { oneOf: [0, 0.5] }
      seOf: hidden
      seRounding: multipleOf8
      seGate: hardSigmoid
      activation: hardSwish
  - invertedResidual: { filters: 12, hidden: { oneOf: [8, 20] }, stride: 2, expand: always, activation: hardSigmoid }
  - sum:
      branches:
        - { items: [ { averagePool: { window: 3, padding: 1 } } ] }
        - { items: [ { norm: { kind: batch } }, { activation: { kind: relu } }, { conv: { filters: 12, kernel: 1 } } ] }
        - { items: [] }
      activation: silu
  - globalMaxPool: {}
  - dense: { name: classifier, units: classes }`,
)

/** Groups of channels that a search makes wider. */
export const grouped = head(
  "grouped",
  `  - conv: { name: stem, filters: { oneOf: [8, 16] }, kernel: 3, stride: 2 }
  - conv: { name: wide, filters: { oneOf: [8, 12] }, kernel: { oneOf: [1, 3] }, groups: 4, stride: 2 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }`,
)

/** Choices among operations, one inside of another, a cell used twice, branches that begin with earlier results. */
export const chosen = head(
  "chosen",
  `  - conv: { name: stem, filters: 8, kernel: 3, stride: 4 }
  - choice:
      name: first
      oneOf:
        - invertedResidual: { name: mb, filters: 8, expansion: { oneOf: [1, 2] }, kernel: { oneOf: [3, 5] }, repeats: { oneOf: [1, 2] } }
        - cell: { use: edges }
        - zero: {}
        - residual: { name: nested, repeats: { oneOf: [1, 2] }, items: [ { choice: { name: inner, oneOf: [ { conv: { filters: 8, kernel: 3 } }, { identity: {} } ] } } ] }
  - cell: { name: again, use: edges, shared: true }
  - cell: { name: third, use: edges, shared: true }
  - flatten: {}
  - dense: { name: hidden, units: { oneOf: [8, 12] }, norm: batch, activation: elu }
  - norm: { kind: layer }
  - dense: { name: classifier, units: classes }`,
).replace(
  "network:",
  `cells:
  edges:
    - identity: { name: n0 }
    - choice: { name: e01, oneOf: [ { conv: { filters: 8, kernel: 1 } }, { averagePool: { window: 3 } }, { identity: {} }, { zero: {} } ] }
    - sum:
        name: n2
        branches:
          - { from: n0, items: [ { choice: { name: e02, oneOf: [ { zero: {} }, { conv: { filters: 8, kernel: 3 } }, { identity: {} } ] } } ] }
          - { items: [] }
network:`,
)

/** Cells of two results before, as those of DARTS, one of them under a choice. */
export const twoInputs = head(
  "two-inputs",
  `  - conv: { name: first, filters: 8, kernel: 3, stride: 4 }
  - conv: { name: second, filters: { oneOf: [4, 8] }, kernel: 3 }
  - cell: { name: a, use: pair, inputs: { before: first } }
  - choice: { name: mix, oneOf: [ { cell: { name: b, use: pair, inputs: { before: second } } }, { conv: { filters: 16, kernel: 1 } } ] }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }`,
).replace(
  "network:",
  `cells:
  pair:
    - conv: { name: now, filters: 8, kernel: 1 }
    - sum: { name: then, branches: [ { from: before, items: [ { conv: { filters: 8, kernel: 1 } } ] } ] }
    - concat: { name: out, branches: [ { from: now, items: [ { depthwiseConv: { kernel: { oneOf: [3, 5] } } } ] }, { from: then, items: [] } ] }
network:`,
)

/** A searched size of the images, through everything whose result depends on it. */
export const sized = head(
  "sized",
  `  - conv: { name: stem, filters: 8, kernel: 3, stride: 2 }
  - residual:
      repeats: { oneOf: [1, 2] }
      items: [ { conv: { filters: 8, kernel: 3, padding: 1, norm: group, normGroups: 2 } }, { squeezeExcite: {} } ]
  - choice:
      name: down
      oneOf:
        - invertedResidual: { name: mb, filters: 12, expansion: { oneOf: [1, 2] }, stride: 2 }
        - residual: { name: res, items: [ { conv: { filters: 12, kernel: 3, stride: 2 } } ] }
        - zero: {}
  - maxPool: { window: 3, stride: 2 }
  - sum: { branches: [ { items: [ { averagePool: { window: 2 } } ] }, { items: [] } ] }
  - concat: { branches: [ { items: [] }, { items: [ { conv: { filters: 4, kernel: 1 } } ] } ] }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }`,
).replace("height: 32, width: 32", "height: { oneOf: [20, 24, 32] }, width: same")

/** The same, its size in the length of a vector. */
export const sizedFlat = head(
  "sized-flat",
  `  - conv: { name: stem, filters: { oneOf: [4, 8] }, kernel: 3, stride: 4 }
  - flatten: {}
  - dense: { name: classifier, units: classes }`,
).replace("height: 32, width: 32", "height: { oneOf: [16, 32] }, width: { oneOf: [24, 32] }")
