// FliqsQuantize(x, rows, amax: float, clip: float; row, axis, block_axis, block_size) -> y: fake quantization in one pass
// over the data, for every number format.
//
// The scale is absmax / scaleBy, of the tensor, of an index along `axis`, or of a block. amax [sites] has frozen ones: above
// 0 it takes the place of the tensor's absmax. clip is empty, or has a magnitude for every scale, which takes the place of
// the absmax where it is above 0. A format with blocks of its own does not look at clip: its scales come from x, and
// the tensor scale of NVFP4 from amax[row]. `zero`, the last number of a row, is added to every result: -0 changes nothing,
// 0 makes +0 of a -0 that the encoding does not have.
#include <vector>

#include "operation.h"
#include "rounding.h"

CLONES static void AbsMaxBitsByColumn(const uint32_t* x, int64_t rows, int64_t columns, uint32_t* top) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++) {
      const uint32_t magnitude = x[r * columns + c] & 0x7fffffff;
      top[c] = top[c] > magnitude ? top[c] : magnitude;
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

// The power of two that a block of an MX format is scaled by, of the bits of its largest magnitude; NaN for infinity, NaN.
static inline float SharedScale(uint32_t top, uint32_t hi, uint32_t increment) {
  if (top >= 0x7f800000) return __builtin_nanf("");
  const int32_t e = static_cast<int32_t>((top + increment) >> 23) - (static_cast<int32_t>(hi >> 23) - 127);
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

// The largest magnitude, unless a clip magnitude stands in for it.
static float Magnitude(const float* x, int64_t n, float clip) { return clip > 0 ? clip : AbsMax(x, n); }

// Scales of blocks: what one of a format's own blocks, or of float32 scales, is divided by, as b * t.
struct BlockScale {
  const Row& row;
  bool ofFormat, underTensor;
  float t = 1;

  BlockScale(const Row& row, const float* x, int64_t n, float frozen) : row(row) {
    ofFormat = row.blockSize > 0;
    underTensor = ofFormat && row.scaleBy < __builtin_inff();
    if (underTensor) t = Magnitude(x, n, frozen) / row.scaleBy;
  }

  float operator()(float top) const {
    if (!ofFormat) return Scale(top, row.scaleBy);
    if (!underTensor) return SharedScale(ToBits(top), ToBits(row.hi), static_cast<uint32_t>(row.increment));
    constexpr const Row& e4m3 = blockScaleRow;
    return t < 0x1p-126f ? 0.0f : Element(top / row.hi / t, e4m3.relative, e4m3.smallest, e4m3.lo, e4m3.hi);
  }
};

// A scale for every `size` channels; the last block of an outer index may be short.
static void QuantizeByBlock(const float* x, float* y, Sizes sizes, int64_t size, const Row& row, float frozen,
                            const float* clip) {
  const auto [outer, channels, inner] = sizes;
  const BlockScale scale(row, x, outer * channels * inner, frozen);
  std::vector<uint32_t> top(inner);
  std::vector<float> b(inner);
  for (int64_t o = 0; o < outer; o++)
    for (int64_t first = 0; first < channels; first += size) {
      const int64_t n = size < channels - first ? size : channels - first, start = (o * channels + first) * inner;
      if (inner == 1) {
        QuantizeBlock(x + start, y + start, n, scale(Magnitude(x + start, n, clip ? *clip++ : 0)), scale.t, row);
        continue;
      }
      for (auto& one : top) one = 0;
      AbsMaxBitsByColumn(reinterpret_cast<const uint32_t*>(x) + start, n, inner, top.data());
      for (int64_t c = 0; c < inner; c++) b[c] = scale(clip && clip[c] > 0 ? clip[c] : FromBits(top[c]));
      if (clip) clip += inner;
      QuantizeBlockByColumn(x + start, y + start, n, inner, b.data(), scale.t, row);
    }
}

// A scale for every channel.
static void QuantizeByChannel(const float* x, float* y, Sizes sizes, const Row& row, const float* clip) {
  const auto [outer, channels, inner] = sizes;
  const auto* bits = reinterpret_cast<const uint32_t*>(x);
  std::vector<uint32_t> top(channels, 0);
  std::vector<float> scale(channels);
  bool known = clip != nullptr;
  for (int64_t c = 0; known && c < channels; c++) known = clip[c] > 0;
  if (!known && inner == 1) {
    AbsMaxBitsByColumn(bits, outer, channels, top.data());
  } else if (!known) {
    for (int64_t o = 0; o < outer; o++)
      for (int64_t c = 0; c < channels; c++) {
        const uint32_t m = AbsMaxBits(bits + (o * channels + c) * inner, inner);
        top[c] = top[c] > m ? top[c] : m;
      }
  }
  for (int64_t c = 0; c < channels; c++)
    scale[c] = Scale(clip != nullptr && clip[c] > 0 ? clip[c] : FromBits(top[c]), row.scaleBy);
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

static void Run(Call& call) {
  const auto& at = call.at;
  const float *amax = call.Read(2), *clip = call.Read(3);
  if (!call.Ok()) return;
  const float* x = call.X();
  const Row& row = call.FormatRow();
  if (call.CountOf(2) != call.Sites()) return call.Fail("amax must be [sites]");
  if (call.CountOf(3) == 0) clip = nullptr;
  if (clip != nullptr && call.CountOf(3) != call.Scales()) return call.Fail("clip must have one for every scale");
  if (at.blockAxis < 0 && row.blockSize > 0) return call.Fail("blocks need a block axis");
  float* y = call.Like();
  const int64_t n = call.Count();
  if (y == nullptr || n == 0) return;
  const int64_t size = row.blockSize > 0 ? static_cast<int64_t>(row.blockSize) : at.blockSize;
  if (row.relative == 0) {  // FP32: no rounding at all
    memcpy(y, x, n * sizeof(float));
  } else if (size > 0) {
    QuantizeByBlock(x, y, call.About(at.blockAxis), size, row, amax[at.row], row.blockSize > 0 ? nullptr : clip);
  } else if (at.axis < 0) {
    Quantize(x, y, n, Scale(Magnitude(x, n, clip ? clip[0] : amax[at.row]), row.scaleBy), row);
  } else {
    QuantizeByChannel(x, y, call.About(at.axis), row, clip);
  }
}

extern const Operation quantize = {"FliqsQuantize", {"amax: float", "clip: float"}, true, Run};
