// Formats with a zero point: the scale comes from the lowest and the highest value, and the range moves with 0.
//
// What a scale covers is one or more runs of values, each so many values a stride apart.
#pragma once

#include "operation.h"
#include "rounding.h"

// Integers that have the order of floats; NaN lies beyond both infinities.
INLINE int32_t Ordered(float value) {
  const int32_t bits = static_cast<int32_t>(ToBits(value));
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

INLINE float FromOrdered(int32_t ordered) {
  return FromBits(static_cast<uint32_t>(ordered ^ ((ordered >> 31) & 0x7fffffff)));
}

// The ends of values and 0, as ordered integers.
struct Ends {
  int32_t least = 0, most = 0;
};

// Widens `ends` by n values.
void Widen(Ends& ends, const float* x, int64_t n, int64_t stride);

// A scale, and the row with its range moved by the zero point.
struct Grid {
  float s;
  Row row;
};

// Values beyond `limit` saturate where it is above 0. NaN among the values: scale 1, as in other formats.
static inline Grid GridOf(const Ends& ends, float limit, const Row& row) {
  constexpr int32_t infinity = 0x7f800000;
  const bool isNan = ends.most > infinity || ends.least < (static_cast<int32_t>(0xff800000) ^ 0x7fffffff);
  float least = FromOrdered(ends.least), most = FromOrdered(ends.most);
  if (limit > 0) {
    least = least < -limit ? -limit : least;
    most = most > limit ? limit : most;
  }
  const float ratio = (most - least) / row.scaleBy;
  const bool isUsable = !isNan && ratio >= 0x1p-126f;
  const float zeroPoint = isUsable ? __builtin_rintf(-least / ratio) : 0.0f;
  Grid grid = {isUsable ? ratio : 1.0f, row};
  grid.row.lo -= zeroPoint;
  grid.row.hi -= zeroPoint;
  return grid;
}

// Calls `run(start, n, stride)` for every run of channel c.
template <class Function>
void EachRun(Sizes sizes, int64_t c, const Function& run) {
  const auto [outer, channels, inner] = sizes;
  for (int64_t o = 0; o < outer; o++) run((o * channels + c) * inner, inner, 1);
}

// Calls `of(which, runs)` for every scale, in the order of amaxes; `runs(run)` calls run(start, n, stride) for each of its
// runs.
template <class Function>
void EachScaleInPlace(const Call& call, const Function& of) {
  const auto& at = call.at;
  if (at.blockSize > 0) {
    const auto [outer, channels, inner] = call.About(at.blockAxis);
    int64_t which = 0;
    for (int64_t o = 0; o < outer; o++)
      for (int64_t first = 0; first < channels; first += at.blockSize)
        for (int64_t i = 0; i < inner; i++) {
          const int64_t n = at.blockSize < channels - first ? at.blockSize : channels - first;
          const int64_t start = (o * channels + first) * inner + i, stride = inner;
          of(which++, [=](const auto& run) { run(start, n, stride); });
        }
  } else if (at.axis >= 0) {
    const Sizes sizes = call.About(at.axis);
    for (int64_t c = 0; c < sizes.channels; c++) of(c, [=](const auto& run) { EachRun(sizes, c, run); });
  } else {
    const int64_t n = call.Count();
    of(0, [=](const auto& run) { run(int64_t{0}, n, int64_t{1}); });
  }
}
