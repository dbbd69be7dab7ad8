// FliqsPercentile(x, rows, share: float [1]; row, axis, block_axis, block_size) -> amaxes: for every scale the largest
// |x| after floor(n share) of its n values are left out, exactly. In a format without a float32 scale, or with blocks of
// its own, max |x|.
//
// Magnitudes are compared as their bits, which have the same order and put NaN on top. Of many values only those are
// selected among that a sample says may be it; should the sample mislead, among all.
#include <cmath>
#include <functional>
#include <memory>

#include "groups.h"
#include "rounding.h"

static constexpr int64_t sampled = 1024, chunk = 64, few = 64;

INLINE uint32_t MagnitudeBits(float x) { return ToBits(x) & 0x7fffffff; }

// Magnitudes of at least `least`, at most n of them; returns how many.
CLONES static int64_t Collect(const float* x, int64_t n, uint32_t least, uint32_t* to) {
  int64_t count = 0;
  for (int64_t first = 0; first < n; first += chunk) {
    const int64_t end = first + chunk < n ? first + chunk : n;
    uint32_t top = 0;
    for (int64_t i = first; i < end; i++) {
      const uint32_t magnitude = MagnitudeBits(x[i]);
      top = top > magnitude ? top : magnitude;
    }
    if (top < least) continue;
    for (int64_t i = first; i < end; i++) {
      const uint32_t magnitude = MagnitudeBits(x[i]);
      to[count] = magnitude;
      count += magnitude >= least;
    }
  }
  return count;
}

// What likely lies somewhat below the value with `leftOut` values above it; 0 where all may be needed.
static uint32_t LeastOfInterest(const float* x, int64_t n, int64_t leftOut) {
  uint32_t some[sampled];
  for (int64_t i = 0; i < sampled; i++) some[i] = MagnitudeBits(x[i * n / sampled]);
  const double expected = static_cast<double>(leftOut) / n * sampled;
  const auto rank = static_cast<int64_t>(expected + 4 * std::sqrt(expected) + 4);
  if (rank >= sampled) return 0;
  std::nth_element(some, some + rank, some + sampled, std::greater<>());
  return some[rank];
}

// Of few values the one that `leftOut` others come before from the top on: each is compared with all.
CLONES static uint32_t SelectOfFew(const uint32_t* x, int32_t n, int32_t leftOut) {
  for (int32_t i = 0; i < n; i++) {
    int32_t above = 0, equal = 0;
    for (int32_t j = 0; j < n; j++) {
      above += x[j] > x[i];
      equal += x[j] == x[i];
    }
    if (above <= leftOut && leftOut < above + equal) return x[i];
  }
  __builtin_unreachable();
}

static float Percentile(const float* x, int64_t n, float share) {
  const auto floor = static_cast<int64_t>(std::floor(static_cast<float>(n) * share));
  const int64_t leftOut = std::min(floor, n - 1);
  if (leftOut <= 0) return AbsMax(x, n);
  if (n <= few) {
    uint32_t all[few];
    for (int64_t i = 0; i < n; i++) all[i] = MagnitudeBits(x[i]);
    return FromBits(SelectOfFew(all, static_cast<int32_t>(n), static_cast<int32_t>(leftOut)));
  }
  // one more than there are values: Collect writes before it counts
  const std::unique_ptr<uint32_t[]> kept(new uint32_t[n + 1]);
  int64_t count = Collect(x, n, n > 4 * sampled ? LeastOfInterest(x, n, leftOut) : 0, kept.get());
  if (count <= leftOut) count = Collect(x, n, 0, kept.get());
  std::nth_element(kept.get(), kept.get() + leftOut, kept.get() + count, std::greater<>());
  return FromBits(kept[leftOut]);
}

static void Run(Call& call) {
  const float* share = call.Read(2);
  if (!call.Ok()) return;
  if (call.CountOf(2) != 1) return call.Fail("share must be one number");
  const float out = call.HasScales() ? *share : 0;
  EachScale(call, [out](const float* x, int64_t n) { return Percentile(x, n, out); });
}

extern const Operation percentile = {"FliqsPercentile", {"share: float"}, false, Run};
