// The rounding rule in float32 for one value, and the largest magnitude of many: the same as src/quantizer/reference.ts and
// src/tensor/Rounding.ts, bit for bit.
#pragma once
#pragma GCC optimize("O3,no-math-errno,no-trapping-math")

#include <cstdint>
#include <cstring>

// A function over many values is compiled for each of these, and the processor's one is taken.
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#define INLINE static inline __attribute__((always_inline))

INLINE float FromBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

INLINE uint32_t ToBits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}

// Zeros only, a format that is never scaled, or a NaN inside (which then shows in the output): scale 1.
INLINE float Scale(float absMax, float scaleBy) {
  const float s = absMax / scaleBy;
  return s >= 0x1p-126f ? s : 1.0f;
}

// The nearest value of the grid to y, which is already scaled.
INLINE float Element(float y, float relative, float smallest, float lo, float hi) {
  y = y > hi ? hi : y;
  y = y < lo ? lo : y;
  const float power = FromBits(ToBits(y) & 0x7f800000);  // 2^exponent(y)
  float u = power * relative;
  u = u > smallest ? u : smallest;
  // u is a power of two from 2^-126 to 2^126, and so is 1 / u, by its bits: both products are exact.
  return __builtin_rintf(y * FromBits(0x7f000000 - ToBits(u))) * u;
}

INLINE float Round(float x, float s, float relative, float smallest, float lo, float hi) {
  return Element(x / s, relative, smallest, lo, hi) * s;
}

// Magnitudes of floats are ordered as their bits are; a NaN is above everything.
uint32_t AbsMaxBits(const uint32_t* x, int64_t n);

static inline float AbsMax(const float* x, int64_t n) {
  return FromBits(AbsMaxBits(reinterpret_cast<const uint32_t*>(x), n));
}
