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
