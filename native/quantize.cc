// FliqsQuantize(x, rows, calibrated: float, amaxes: float; row, axis, block_axis, block_size) -> y: fake quantization in
// one pass over the data, for every number format.
//
// The scale is amax / scaleBy, of the tensor, of an index along `axis`, or of a block. The amax is max |x| of what the
// scale covers. calibrated [sites] takes its place for a scale of the tensor, where it is above 0. amaxes is empty, or has
// one for every scale, which takes its place where it is above 0. A block format ignores amaxes: the scales of its blocks
// come from x, and the tensor scale of NVFP4 from calibrated[row]. `zero` of the row is added to every result.
//
// A format with a zero point takes scale and zero point from the lowest and the highest value; an amax that is given
// limits how far they are from 0.
#include <vector>

#include "affine.h"
#include "operation.h"
#include "rounding.h"

CLONES static void AbsMaxBitsByColumn(const uint32_t* x, int64_t rows, int64_t columns, uint32_t* amax) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++) {
      const uint32_t magnitude = x[r * columns + c] & 0x7fffffff;
      amax[c] = amax[c] > magnitude ? amax[c] : magnitude;
    }
}

CLONES static void Quantize(const float* x, float* y, int64_t n, float s, const Row& row) {
  const float relative = row.relative, smallest = row.smallest, lo = row.lo, hi = row.hi, zero = row.zero;
  for (int64_t i = 0; i < n; i++) y[i] = Round(x[i], s, relative, smallest, lo, hi) + zero;
}

CLONES static void QuantizeByColumn(const float* x, float* y, int64_t rows, int64_t columns, const float* s,
                                    const Row& row) {
  const float relative = row.relative, smallest = row.smallest, lo = row.lo, hi = row.hi, zero = row.zero;
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++)
      y[r * columns + c] = Round(x[r * columns + c], s[c], relative, smallest, lo, hi) + zero;
}

// The power of two that a block of an MX format is scaled by, of the bits of its amax; NaN for infinity, NaN.
static inline float SharedScale(uint32_t amax, uint32_t hi, uint32_t increment) {
  if (amax >= 0x7f800000) return __builtin_nanf("");
  const int32_t e = static_cast<int32_t>((amax + increment) >> 23) - (static_cast<int32_t>(hi >> 23) - 127);
  return FromBits(static_cast<uint32_t>(e < 1 ? 1 : e > 254 ? 254 : e) << 23);
}

// Elements with the scale b * t: q * b is exact, so the result is rounded once. A scale of zero gives zeros.
CLONES static void QuantizeBlock(const float* x, float* y, int64_t n, float b, float t, const Row& row) {
  const float relative = row.relative, smallest = row.smallest, lo = row.lo, hi = row.hi, zero = row.zero;
  const float s = b * t;
  if (s < 0x1p-126f) {
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * 0.0f + zero;
  } else {
    for (int64_t i = 0; i < n; i++) y[i] = Element(x[i] / s, relative, smallest, lo, hi) * b * t + zero;
  }
}

CLONES static void QuantizeBlockByColumn(const float* x, float* y, int64_t rows, int64_t columns, const float* b,
                                         float t, const Row& row) {
  const float relative = row.relative, smallest = row.smallest, lo = row.lo, hi = row.hi, zero = row.zero;
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++) {
      const float v = x[r * columns + c], s = b[c] * t;
      const float q = Element(v / s, relative, smallest, lo, hi) * b[c] * t;
      y[r * columns + c] = (s < 0x1p-126f ? v * 0.0f : q) + zero;
    }
}

// The given amax where it is above 0, else that of x.
static float AmaxOf(const float* x, int64_t n, float given) { return given > 0 ? given : AbsMax(x, n); }

// Scales of blocks: what one of a format's own blocks, or of float32 scales, is divided by, as b * t.
struct BlockScale {
  const Row& row;
  bool ofFormat, underTensor;
  float t = 1;

  BlockScale(const Row& row, const float* x, int64_t n, float calibrated) : row(row) {
    ofFormat = row.blockSize > 0;
    underTensor = ofFormat && row.scaleBy < __builtin_inff();
    if (underTensor) t = AmaxOf(x, n, calibrated) / row.scaleBy;
  }

  float operator()(float amax) const {
    if (!ofFormat) return Scale(amax, row.scaleBy);
    if (!underTensor) return SharedScale(ToBits(amax), ToBits(row.hi), static_cast<uint32_t>(row.increment));
    constexpr const Row& e4m3 = blockScaleRow;
    return t < 0x1p-126f ? 0.0f : Element(amax / row.hi / t, e4m3.relative, e4m3.smallest, e4m3.lo, e4m3.hi);
  }
};

// A scale for every `size` channels; the last block of an outer index may be short.
static void QuantizeByBlock(const float* x, float* y, Sizes sizes, int64_t size, const Row& row, float calibrated,
                            const float* amaxes) {
  const auto [outer, channels, inner] = sizes;
  const BlockScale scale(row, x, outer * channels * inner, calibrated);
  std::vector<uint32_t> amax(inner);
  std::vector<float> b(inner);
  for (int64_t o = 0; o < outer; o++)
    for (int64_t first = 0; first < channels; first += size) {
      const int64_t n = size < channels - first ? size : channels - first, start = (o * channels + first) * inner;
      if (inner == 1) {
        QuantizeBlock(x + start, y + start, n, scale(AmaxOf(x + start, n, amaxes ? *amaxes++ : 0)), scale.t, row);
        continue;
      }
      for (auto& one : amax) one = 0;
      AbsMaxBitsByColumn(reinterpret_cast<const uint32_t*>(x) + start, n, inner, amax.data());
      for (int64_t c = 0; c < inner; c++) b[c] = scale(amaxes && amaxes[c] > 0 ? amaxes[c] : FromBits(amax[c]));
      if (amaxes) amaxes += inner;
      QuantizeBlockByColumn(x + start, y + start, n, inner, b.data(), scale.t, row);
    }
}

// A scale for every channel.
static void QuantizeByChannel(const float* x, float* y, Sizes sizes, const Row& row, const float* amaxes) {
  const auto [outer, channels, inner] = sizes;
  const auto* bits = reinterpret_cast<const uint32_t*>(x);
  std::vector<uint32_t> amax(channels, 0);
  std::vector<float> scale(channels);
  bool known = amaxes != nullptr;
  for (int64_t c = 0; known && c < channels; c++) known = amaxes[c] > 0;
  if (!known && inner == 1) {
    AbsMaxBitsByColumn(bits, outer, channels, amax.data());
  } else if (!known) {
    for (int64_t o = 0; o < outer; o++)
      for (int64_t c = 0; c < channels; c++) {
        const uint32_t m = AbsMaxBits(bits + (o * channels + c) * inner, inner);
        amax[c] = amax[c] > m ? amax[c] : m;
      }
  }
  for (int64_t c = 0; c < channels; c++)
    scale[c] = Scale(amaxes != nullptr && amaxes[c] > 0 ? amaxes[c] : FromBits(amax[c]), row.scaleBy);
  if (inner == 1) {
    QuantizeByColumn(x, y, outer, channels, scale.data(), row);
  } else {
    for (int64_t o = 0; o < outer; o++)
      for (int64_t c = 0; c < channels; c++) {
        const int64_t start = (o * channels + c) * inner;
        Quantize(x + start, y + start, inner, scale[c], row);
      }
  }
}

static void QuantizeAffine(const Call& call, const float* x, float* y, const Row& row, float calibrated,
                           const float* amaxes) {
  EachScaleInPlace(call, [=, &row](int64_t which, const auto& runs) {
    Ends ends;
    runs([&](int64_t start, int64_t n, int64_t stride) { Widen(ends, x + start, n, stride); });
    const Grid grid = GridOf(ends, amaxes != nullptr ? amaxes[which] : calibrated, row);
    runs([&](int64_t start, int64_t n, int64_t stride) {
      if (stride == 1) return Quantize(x + start, y + start, n, grid.s, grid.row);
      for (int64_t i = 0; i < n; i++) Quantize(x + start + i * stride, y + start + i * stride, 1, grid.s, grid.row);
    });
  });
}

static void Run(Call& call) {
  const auto& at = call.at;
  const float *calibrated = call.Read(2), *amaxes = call.Read(3);
  if (!call.Ok()) return;
  const float* x = call.X();
  const Row& row = call.FormatRow();
  if (call.CountOf(2) != call.Sites()) return call.Fail("calibrated must be [sites]");
  if (call.CountOf(3) == 0) amaxes = nullptr;
  if (amaxes != nullptr && call.CountOf(3) != call.Scales()) return call.Fail("amaxes must have one for every scale");
  if (at.blockAxis < 0 && row.blockSize > 0) return call.Fail("blocks need a block axis");
  float* y = call.Like();
  const int64_t n = call.Count();
  if (y == nullptr || n == 0) return;
  const int64_t size = row.blockSize > 0 ? static_cast<int64_t>(row.blockSize) : at.blockSize;
  if (row.relative == 0) {  // FP32: no rounding at all
    memcpy(y, x, n * sizeof(float));
  } else if (row.affine != 0) {
    QuantizeAffine(call, x, y, row, at.axis < 0 && size == 0 ? calibrated[at.row] : 0, amaxes);
  } else if (size > 0) {
    QuantizeByBlock(x, y, call.About(at.blockAxis), size, row, calibrated[at.row], row.blockSize > 0 ? nullptr : amaxes);
  } else if (at.axis < 0) {
    Quantize(x, y, n, Scale(AmaxOf(x, n, amaxes ? amaxes[0] : calibrated[at.row]), row.scaleBy), row);
  } else {
    QuantizeByChannel(x, y, call.About(at.axis), row, amaxes);
  }
}

extern const Operation quantize = {"FliqsQuantize", {"calibrated: float", "amaxes: float"}, true, Run};
