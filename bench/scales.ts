/** What `formats.scale` may be, by the name of its contestant; absmax is what the others are held against. */
const inBlocks = { granularity: "block", blockSize: 16 }
export const scales = {
  absmax: {},
  percentile: { rule: { percentile: 99.9 } },
  mse: { rule: "mse" },
  learned: { rule: "learned" },
  "blocks, absmax": inBlocks,
  "blocks, percentile": { ...inBlocks, rule: { percentile: 90 } },
  "blocks, mse": { ...inBlocks, rule: "mse" },
}
