// Generated from src/format/Row.ts by scripts/generate-row.ts; do not edit.
#pragma once

// A number format as the kernels read it: one row of the tensor `rows` [sites, 9].
struct Row {
  float relative;   // step / 2^exponent(y); 0 in FP32: no rounding, no clipping, no scale
  float smallest;   // smallest step: the step at y is max(relative * 2^exponent(y), smallest)
  float lo;         // lowest value
  float hi;         // highest value
  float scaleBy;    // the scale is amax / scaleBy; infinity: no float32 scale
  float blockSize;  // elements of a block of the format's own; 0: no such blocks
  float increment;  // added to the bits of a block's amax before its exponent is read (E8M0 scales)
  float zero;       // added to every result: -0 changes nothing, +0 turns -0 into +0
  float affine;     // 1: a zero point that is found with the scale moves lo and hi; 0: none does
};

// Numbers in a row.
static constexpr int rowLength = 9;
static_assert(sizeof(Row) == rowLength * sizeof(float), "a row is its numbers and nothing else");

// E4M3, the format of NVFP4's block scales.
static constexpr Row blockScaleRow = {0.125f, 0.001953125f, -448.0f, 448.0f, 448.0f, 0.0f, 0.0f, -0.0f, 0.0f};
