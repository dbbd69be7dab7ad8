// FliqsLeastError(x, rows, parts: float; row, axis, block_axis, block_size) -> amaxes: for every scale the first of
// `parts` of max |x| at which rounding has the least squared error. max |x| where that is not finite, and in a format
// without a float32 scale or with blocks of its own.
//
// The values are read once for all parts. Squares are exact in float64 and added up there, so that in which order hardly
// matters: two errors would have to agree to 15 digits.
//
// In a format with a zero point a part of max |x| limits how far the ends of x are from 0.
#include "affine.h"
#include "groups.h"
#include "rounding.h"

static constexpr int64_t most = 16, lanes = 16, chunk = 2048;

// Adds the squared errors of x under every grid to `sums`.
CLONES static void AddErrors(const float* x, int64_t n, const Grid* grids, int64_t count, double* sums) {
  for (int64_t p = 0; p < count; p++) {
    const float s = grids[p].s, relative = grids[p].row.relative, smallest = grids[p].row.smallest,
                lo = grids[p].row.lo, hi = grids[p].row.hi;
    double partial[lanes] = {0};
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes)
      for (int64_t lane = 0; lane < lanes; lane++) {
        const double error = Round(x[i + lane], s, relative, smallest, lo, hi) - x[i + lane];
        partial[lane] += error * error;
      }
    for (; i < n; i++) {
      const double error = Round(x[i], s, relative, smallest, lo, hi) - x[i];
      partial[0] += error * error;
    }
    for (int64_t half = lanes / 2; half > 0; half /= 2)
      for (int64_t lane = 0; lane < half; lane++) partial[lane] += partial[lane + half];
    sums[p] += partial[0];
  }
}

static float LeastError(const float* x, int64_t n, const float* parts, int64_t count, const Row& row) {
  const float absmax = AbsMax(x, n);
  if (!(absmax > 0 && absmax < __builtin_inff())) return absmax;
  Grid grids[most];
  double sums[most] = {0};
  Ends ends;
  if (row.affine != 0) Widen(ends, x, n, 1);
  for (int64_t p = 0; p < count; p++) {
    const float amax = absmax * parts[p];
    grids[p] = row.affine != 0 ? GridOf(ends, amax, row) : Grid{Scale(amax, row.scaleBy), row};
  }
  for (int64_t first = 0; first < n; first += chunk)
    AddErrors(x + first, std::min(chunk, n - first), grids, count, sums);
  return absmax * parts[std::min_element(sums, sums + count) - sums];
}

static void Run(Call& call) {
  const float* parts = call.Read(2);
  if (!call.Ok()) return;
  const int64_t count = call.CountOf(2);
  if (count < 1 || count > most) return call.Fail("there must be 1 to 16 parts");
  if (!call.HasScales()) return EachScale(call, AbsMax);
  const Row& row = call.FormatRow();
  EachScale(call, [=, &row](const float* x, int64_t n) { return LeastError(x, n, parts, count, row); });
}

extern const Operation leastError = {"FliqsLeastError", {"parts: float"}, false, Run};
