// FliqsClipGradient(x, rows, amaxes: float, dy: float; row, axis, block_axis, block_size) -> dx: the straight-through
// gradient of quantization under rules that clip. It is dy where x lies inside the range and 0 where x saturates. amaxes
// has one for every scale. Block formats ignore it: for them the gradient is dy. Formats with a
// zero point take their range as the rounding does.
#include <vector>

#include "affine.h"
#include "operation.h"
#include "rounding.h"

// Whether x saturates under the amax c. The value that is the amax never does, however c / s rounds.
static inline __attribute__((always_inline)) bool Saturates(float x, float c, float s, float lo, float hi) {
  const float y = x / s;
  return ((y > hi) | (y < lo)) & (__builtin_fabsf(x) > c) & (c > 0);
}

CLONES static void ClipGradientUnder(const float* dy, const float* x, float* dx, int64_t n, float c, float s,
                                     const Row& row) {
  const float lo = row.lo, hi = row.hi;
  for (int64_t i = 0; i < n; i++) dx[i] = Saturates(x[i], c, s, lo, hi) ? 0.0f : dy[i];
}

static void ClipGradient(const float* dy, const float* x, float* dx, int64_t n, float c, const Row& row) {
  ClipGradientUnder(dy, x, dx, n, c, Scale(c, row.scaleBy), row);
}

CLONES static void ClipGradientByColumn(const float* dy, const float* x, float* dx, int64_t rows, int64_t columns,
                                        const float* c, const float* s, const Row& row) {
  const float lo = row.lo, hi = row.hi;
  for (int64_t r = 0; r < rows; r++)
    for (int64_t i = 0; i < columns; i++) {
      const int64_t at = r * columns + i;
      dx[at] = Saturates(x[at], c[i], s[i], lo, hi) ? 0.0f : dy[at];
    }
}

// Groups of `rows` times `columns` values, with a magnitude for every column.
static void ClipGradientByGroup(const float* dy, const float* x, float* dx, int64_t rows, int64_t columns,
                                const float* amaxes, const Row& row) {
  if (columns == 1) return ClipGradient(dy, x, dx, rows, amaxes[0], row);
  std::vector<float> scale(columns);
  for (int64_t c = 0; c < columns; c++) scale[c] = Scale(amaxes[c], row.scaleBy);
  ClipGradientByColumn(dy, x, dx, rows, columns, amaxes, scale.data(), row);
}

static void ClipGradientByChannel(const float* dy, const float* x, float* dx, Sizes sizes, const float* amaxes,
                                  const Row& row) {
  const auto [outer, channels, inner] = sizes;
  if (inner == 1) return ClipGradientByGroup(dy, x, dx, outer, channels, amaxes, row);
  for (int64_t o = 0; o < outer; o++)
    for (int64_t c = 0; c < channels; c++) {
      const int64_t start = (o * channels + c) * inner;
      ClipGradient(dy + start, x + start, dx + start, inner, amaxes[c], row);
    }
}

static void ClipGradientByBlock(const float* dy, const float* x, float* dx, Sizes sizes, int64_t size,
                                const float* amaxes, const Row& row) {
  const auto [outer, channels, inner] = sizes;
  for (int64_t o = 0; o < outer; o++)
    for (int64_t first = 0; first < channels; first += size, amaxes += inner) {
      const int64_t n = size < channels - first ? size : channels - first, start = (o * channels + first) * inner;
      ClipGradientByGroup(dy + start, x + start, dx + start, n, inner, amaxes, row);
    }
}

static void ClipGradientAffine(const Call& call, const float* dy, const float* x, float* dx, const float* amaxes,
                               const Row& row) {
  EachScaleInPlace(call, [=, &row](int64_t which, const auto& runs) {
    const float c = amaxes[which];
    Ends ends;
    runs([&](int64_t start, int64_t n, int64_t stride) { Widen(ends, x + start, n, stride); });
    const Grid grid = GridOf(ends, c, row);
    runs([&](int64_t start, int64_t n, int64_t stride) {
      if (stride == 1) return ClipGradientUnder(dy + start, x + start, dx + start, n, c, grid.s, grid.row);
      for (int64_t i = 0; i < n; i++) {
        const int64_t place = start + i * stride;
        ClipGradientUnder(dy + place, x + place, dx + place, 1, c, grid.s, grid.row);
      }
    });
  });
}

static void Run(Call& call) {
  const auto& at = call.at;
  const float *amaxes = call.Read(2), *dy = call.Read(3);
  if (!call.Ok()) return;
  const float* x = call.X();
  const Row& row = call.FormatRow();
  if (call.CountOf(2) != call.Scales()) return call.Fail("amaxes must have one for every scale");
  if (call.CountOf(3) != call.Count()) return call.Fail("dy and x must be of one shape");
  float* dx = call.Like();
  const int64_t n = call.Count();
  if (dx == nullptr || n == 0) return;
  if (row.relative == 0 || row.blockSize > 0) {
    memcpy(dx, dy, n * sizeof(float));
  } else if (row.affine != 0) {
    ClipGradientAffine(call, dy, x, dx, amaxes, row);
  } else if (at.blockSize > 0) {
    ClipGradientByBlock(dy, x, dx, call.About(at.blockAxis), at.blockSize, amaxes, row);
  } else if (at.axis < 0) {
    ClipGradient(dy, x, dx, n, amaxes[0], row);
  } else {
    ClipGradientByChannel(dy, x, dx, call.About(at.axis), amaxes, row);
  }
}

extern const Operation clipGradient = {"FliqsClipGradient", {"amaxes: float", "dy: float"}, true, Run};
