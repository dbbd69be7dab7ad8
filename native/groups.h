// Runs a function over the values that each scale covers, which it sees one after the other in memory.
#pragma once

#include <algorithm>
#include <vector>

#include "operation.h"

// `of(values, n)` of every column of [rows, columns]. So many at once, as a cache line has of them.
template <class Function>
void EachColumn(const float* x, int64_t rows, int64_t columns, float* to, const Function& of) {
  constexpr int64_t width = 16;
  if (columns == 1) {
    to[0] = of(x, rows);
    return;
  }
  std::vector<float> copied(width * rows);
  for (int64_t first = 0; first < columns; first += width) {
    const int64_t count = std::min(width, columns - first);
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < count; c++) copied[c * rows + r] = x[r * columns + first + c];
    for (int64_t c = 0; c < count; c++) to[first + c] = of(copied.data() + c * rows, rows);
  }
}

// A scale for every channel.
template <class Function>
void EachChannel(const float* x, Sizes sizes, float* to, const Function& of) {
  const auto [outer, channels, inner] = sizes;
  if (inner == 1) return EachColumn(x, outer, channels, to, of);
  std::vector<float> copied(outer * inner);
  for (int64_t c = 0; c < channels; c++) {
    for (int64_t o = 0; o < outer; o++)
      std::copy_n(x + (o * channels + c) * inner, inner, copied.begin() + o * inner);
    to[c] = of(copied.data(), outer * inner);
  }
}

// A scale for every `size` channels; the last block of an outer index may be short.
template <class Function>
void EachBlock(const float* x, Sizes sizes, int64_t size, float* to, const Function& of) {
  const auto [outer, channels, inner] = sizes;
  for (int64_t o = 0; o < outer; o++)
    for (int64_t first = 0; first < channels; first += size, to += inner)
      EachColumn(x + (o * channels + first) * inner, std::min(size, channels - first), inner, to, of);
}

// A list with `of(values, n)` for every float32 scale of x.
template <class Function>
void EachScale(Call& call, const Function& of) {
  const auto& at = call.at;
  float* to = call.List(call.Scales());
  if (to == nullptr) return;
  if (call.Count() == 0) {
    std::fill_n(to, call.Scales(), 0.0f);
  } else if (at.blockSize > 0) {
    EachBlock(call.X(), call.About(at.blockAxis), at.blockSize, to, of);
  } else if (at.axis >= 0) {
    EachChannel(call.X(), call.About(at.axis), to, of);
  } else {
    to[0] = of(call.X(), call.Count());
  }
}
