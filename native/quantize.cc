// FliqsQuantize: fake quantization in one pass over the data, for every scalar number format.
//
//   FliqsQuantize(x: float, rows: float [sites, 7], amax: float [sites]; row: int, axis: int = -1, block_axis: int = -1)
//     -> y: float, like x
//
// rows[row] = {2^-M, smallest step, lo, hi, scaleBy, block size, shared exponent}, see toRow in src/format/Formats.ts. The scale is
// absmax / scaleBy, over the whole tensor (axis -1) or one for every index along `axis`; amax[row] > 0 takes the place of the
// tensor's absmax. With a block size above 0 every so many elements along `block_axis` have a scale of their own. The same rule in float32 as src/quantizer/reference.ts and src/tensor/Rounding.ts, bit for bit; the gradient is straight
// through, so there is no gradient operation.
//
// Only TensorFlow's C interface is used, and it is looked up at run time: the addon is linked against nothing, so that
// it can load TensorFlow's library itself and keep the library's start-up lines from standard error.
#pragma GCC optimize("O3,no-math-errno,no-trapping-math")
#include <dlfcn.h>
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_tensor.h"

#define TENSORFLOW_FUNCTIONS(X)                                                                \
  X(TF_NewStatus) X(TF_DeleteStatus) X(TF_GetCode) X(TF_SetStatus) X(TF_Message)               \
  X(TF_GetInput) X(TF_AllocateOutput) X(TF_NumDims) X(TF_Dim) X(TF_TensorData)                 \
  X(TF_TensorElementCount) X(TF_TensorByteSize) X(TF_DeleteTensor)                             \
  X(TF_OpKernelContext_Failure) X(TF_OpKernelConstruction_Failure)                             \
  X(TF_OpKernelConstruction_GetAttrInt32) X(TF_NewKernelBuilder) X(TF_RegisterKernelBuilder)   \
  X(TF_NewOpDefinitionBuilder) X(TF_OpDefinitionBuilderAddInput)                               \
  X(TF_OpDefinitionBuilderAddOutput) X(TF_OpDefinitionBuilderAddAttr)                          \
  X(TF_OpDefinitionBuilderSetShapeInferenceFunction) X(TF_RegisterOpDefinition)                \
  X(TF_NewShapeHandle) X(TF_DeleteShapeHandle) X(TF_ShapeInferenceContextGetInput)             \
  X(TF_ShapeInferenceContextSetOutput)

namespace tf {
#define DECLARE(name) static decltype(&::name) name = nullptr;
TENSORFLOW_FUNCTIONS(DECLARE)
}  // namespace tf

#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))

// Magnitudes of floats are ordered as their bits are; a NaN is above everything.
CLONES static uint32_t AbsMaxBits(const uint32_t* x, int64_t n) {
  uint32_t top = 0;
  for (int64_t i = 0; i < n; i++) {
    const uint32_t magnitude = x[i] & 0x7fffffff;
    top = top > magnitude ? top : magnitude;
  }
  return top;
}

CLONES static void AbsMaxBitsByColumn(const uint32_t* x, int64_t rows, int64_t columns, uint32_t* top) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++) {
      const uint32_t magnitude = x[r * columns + c] & 0x7fffffff;
      top[c] = top[c] > magnitude ? top[c] : magnitude;
    }
}

static inline float FromBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static inline uint32_t ToBits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}

// Zeros only, a format that is never scaled, or a NaN inside (which then shows in the output): scale 1.
static inline float Scale(float absMax, float scaleBy) {
  const float s = absMax / scaleBy;
  return s >= 0x1p-126f ? s : 1.0f;
}

// The nearest value of the grid to y, which is already scaled.
static inline __attribute__((always_inline)) float Element(float y, float relative, float smallest, float lo,
                                                           float hi) {
  y = y > hi ? hi : y;
  y = y < lo ? lo : y;
  const float power = FromBits(ToBits(y) & 0x7f800000);  // 2^exponent(y)
  float u = power * relative;
  u = u > smallest ? u : smallest;
  // u is a power of two: the division and the product are exact.
  return __builtin_rintf(y / u) * u;
}

static inline __attribute__((always_inline)) float Round(float x, float s, float relative, float smallest,
                                                         float lo, float hi) {
  return Element(x / s, relative, smallest, lo, hi) * s;
}

CLONES static void Quantize(const float* x, float* y, int64_t n, float s, const float* row) {
  const float relative = row[0], smallest = row[1], lo = row[2], hi = row[3];
  for (int64_t i = 0; i < n; i++) y[i] = Round(x[i], s, relative, smallest, lo, hi);
}

CLONES static void QuantizeByColumn(const float* x, float* y, int64_t rows, int64_t columns, const float* s,
                                    const float* row) {
  const float relative = row[0], smallest = row[1], lo = row[2], hi = row[3];
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++)
      y[r * columns + c] = Round(x[r * columns + c], s[c], relative, smallest, lo, hi);
}

static void QuantizeByTensor(const float* x, float* y, int64_t n, const float* row, float frozen) {
  const float absMax = frozen > 0 ? frozen : FromBits(AbsMaxBits(reinterpret_cast<const uint32_t*>(x), n));
  Quantize(x, y, n, Scale(absMax, row[4]), row);
}

// The power of two that a block of an MX format is scaled by, of the bits of its largest magnitude; NaN for infinity, NaN.
static inline float SharedScale(uint32_t top, uint32_t hi, uint32_t increment) {
  if (top >= 0x7f800000) return __builtin_nanf("");
  const int32_t e = static_cast<int32_t>((top + increment) >> 23) - (static_cast<int32_t>(hi >> 23) - 127);
  return FromBits(static_cast<uint32_t>(e < 1 ? 1 : e > 254 ? 254 : e) << 23);
}

// Elements with the scale b * t: q * b is exact, so the result is rounded once. A scale of zero gives zeros.
CLONES static void QuantizeBlock(const float* x, float* y, int64_t n, float b, float t, const float* row) {
  const float relative = row[0], smallest = row[1], lo = row[2], hi = row[3], s = b * t;
  if (s < 0x1p-126f) {
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * 0.0f;
  } else {
    for (int64_t i = 0; i < n; i++) y[i] = Element(x[i] / s, relative, smallest, lo, hi) * b * t;
  }
}

CLONES static void QuantizeBlockByColumn(const float* x, float* y, int64_t rows, int64_t columns, const float* b,
                                         float t, const float* row) {
  const float relative = row[0], smallest = row[1], lo = row[2], hi = row[3];
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++) {
      const float v = x[r * columns + c], s = b[c] * t;
      const float q = Element(v / s, relative, smallest, lo, hi) * b[c] * t;
      y[r * columns + c] = s < 0x1p-126f ? v * 0.0f : q;
    }
}

// x as [outer, channels, inner], a scale for every `size` channels; the last block of an outer index may be short.
static void QuantizeByBlock(const float* x, float* y, int64_t outer, int64_t channels, int64_t inner, const float* row,
                            float frozen) {
  const auto* bits = reinterpret_cast<const uint32_t*>(x);
  const int64_t size = static_cast<int64_t>(row[5]);
  const auto increment = static_cast<uint32_t>(row[6]);
  const bool underTensor = row[4] < __builtin_inff();
  float t = 1;
  if (underTensor) t = (frozen > 0 ? frozen : FromBits(AbsMaxBits(bits, outer * channels * inner))) / row[4];
  const auto scale = [&](uint32_t top) {
    if (!underTensor) return SharedScale(top, ToBits(row[3]), increment);
    return t < 0x1p-126f ? 0.0f : Element(FromBits(top) / row[3] / t, 0x1p-3f, 0x1p-9f, -448.0f, 448.0f);  // E4M3
  };
  std::vector<uint32_t> top(inner);
  std::vector<float> b(inner);
  for (int64_t o = 0; o < outer; o++)
    for (int64_t first = 0; first < channels; first += size) {
      const int64_t n = size < channels - first ? size : channels - first, start = (o * channels + first) * inner;
      if (inner == 1) {
        QuantizeBlock(x + start, y + start, n, scale(AbsMaxBits(bits + start, n)), t, row);
        continue;
      }
      for (auto& one : top) one = 0;
      AbsMaxBitsByColumn(bits + start, n, inner, top.data());
      for (int64_t c = 0; c < inner; c++) b[c] = scale(top[c]);
      QuantizeBlockByColumn(x + start, y + start, n, inner, b.data(), t, row);
    }
}

// x as [outer, channels, inner], a scale for every channel.
static void QuantizeByChannel(const float* x, float* y, int64_t outer, int64_t channels, int64_t inner,
                              const float* row) {
  const auto* bits = reinterpret_cast<const uint32_t*>(x);
  std::vector<uint32_t> top(channels, 0);
  std::vector<float> scale(channels);
  if (inner == 1) {
    AbsMaxBitsByColumn(bits, outer, channels, top.data());
  } else {
    for (int64_t o = 0; o < outer; o++)
      for (int64_t c = 0; c < channels; c++) {
        const uint32_t m = AbsMaxBits(bits + (o * channels + c) * inner, inner);
        top[c] = top[c] > m ? top[c] : m;
      }
  }
  for (int64_t c = 0; c < channels; c++) scale[c] = Scale(FromBits(top[c]), row[4]);
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

struct Attributes {
  int32_t row = 0;
  int32_t axis = -1;
  int32_t blockAxis = -1;
};

static void* Create(TF_OpKernelConstruction* construction) {
  TF_Status* status = tf::TF_NewStatus();
  auto* attributes = new Attributes;
  tf::TF_OpKernelConstruction_GetAttrInt32(construction, "row", &attributes->row, status);
  if (tf::TF_GetCode(status) == TF_OK)
    tf::TF_OpKernelConstruction_GetAttrInt32(construction, "axis", &attributes->axis, status);
  if (tf::TF_GetCode(status) == TF_OK)
    tf::TF_OpKernelConstruction_GetAttrInt32(construction, "block_axis", &attributes->blockAxis, status);
  if (tf::TF_GetCode(status) != TF_OK) tf::TF_OpKernelConstruction_Failure(construction, status);
  tf::TF_DeleteStatus(status);
  return attributes;
}

static void Delete(void* attributes) { delete static_cast<Attributes*>(attributes); }

static void Compute(void* kernel, TF_OpKernelContext* context) {
  const auto& [row, axis, blockAxis] = *static_cast<Attributes*>(kernel);
  TF_Status* status = tf::TF_NewStatus();
  TF_Tensor *x = nullptr, *rows = nullptr, *amax = nullptr, *y = nullptr;
  const auto ok = [&] { return tf::TF_GetCode(status) == TF_OK; };
  tf::TF_GetInput(context, 0, &x, status);
  if (ok()) tf::TF_GetInput(context, 1, &rows, status);
  if (ok()) tf::TF_GetInput(context, 2, &amax, status);
  std::vector<int64_t> sizes;
  if (ok()) {
    for (int i = 0; i < tf::TF_NumDims(x); i++) sizes.push_back(tf::TF_Dim(x, i));
    const int rank = static_cast<int>(sizes.size());
    const bool valid = tf::TF_NumDims(rows) == 2 && tf::TF_Dim(rows, 1) == 7 && row >= 0 &&
                       row < tf::TF_Dim(rows, 0) && tf::TF_NumDims(amax) == 1 &&
                       tf::TF_Dim(amax, 0) == tf::TF_Dim(rows, 0) && axis < rank && blockAxis < rank;
    if (!valid)
      tf::TF_SetStatus(status, TF_INVALID_ARGUMENT,
                       "FliqsQuantize: rows must be [sites, 7], amax [sites], row a site, the axes dimensions of x");
    else if (blockAxis < 0 && static_cast<const float*>(tf::TF_TensorData(rows))[7 * row + 5] > 0)
      tf::TF_SetStatus(status, TF_INVALID_ARGUMENT, "FliqsQuantize: a block format needs a block axis");
  }
  if (ok()) y = tf::TF_AllocateOutput(context, 0, TF_FLOAT, sizes.data(), sizes.size(), tf::TF_TensorByteSize(x), status);
  if (ok()) {
    const int64_t n = tf::TF_TensorElementCount(x);
    const auto* from = static_cast<const float*>(tf::TF_TensorData(x));
    auto* to = static_cast<float*>(tf::TF_TensorData(y));
    const float* format = static_cast<const float*>(tf::TF_TensorData(rows)) + 7 * row;
    const float frozen = static_cast<const float*>(tf::TF_TensorData(amax))[row];
    const auto innerOf = [&](int dimension) {
      int64_t inner = 1;
      for (size_t i = dimension + 1; i < sizes.size(); i++) inner *= sizes[i];
      return inner;
    };
    if (format[0] == 0) {  // FP32: no rounding at all
      memcpy(to, from, n * sizeof(float));
    } else if (format[5] > 0) {
      const int64_t inner = innerOf(blockAxis);
      if (n > 0) QuantizeByBlock(from, to, n / (inner * sizes[blockAxis]), sizes[blockAxis], inner, format, frozen);
    } else if (axis < 0) {
      QuantizeByTensor(from, to, n, format, frozen);
    } else if (n > 0) {
      const int64_t inner = innerOf(axis);
      QuantizeByChannel(from, to, n / (inner * sizes[axis]), sizes[axis], inner, format);
    }
  } else {
    tf::TF_OpKernelContext_Failure(context, status);
  }
  for (TF_Tensor* tensor : {x, rows, amax, y})
    if (tensor != nullptr) tf::TF_DeleteTensor(tensor);
  tf::TF_DeleteStatus(status);
}

static void SameShape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeHandle* shape = tf::TF_NewShapeHandle();
  tf::TF_ShapeInferenceContextGetInput(context, 0, shape, status);
  if (tf::TF_GetCode(status) == TF_OK) tf::TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
  tf::TF_DeleteShapeHandle(shape);
}

static void Register(TF_Status* status) {
  auto* definition = tf::TF_NewOpDefinitionBuilder("FliqsQuantize");
  for (const char* input : {"x: float", "rows: float", "amax: float"})
    tf::TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* attribute : {"row: int", "axis: int = -1", "block_axis: int = -1"})
    tf::TF_OpDefinitionBuilderAddAttr(definition, attribute);
  tf::TF_OpDefinitionBuilderAddOutput(definition, "y: float");
  tf::TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, SameShape);
  tf::TF_RegisterOpDefinition(definition, status);
  if (tf::TF_GetCode(status) != TF_OK) return;
  auto* kernel = tf::TF_NewKernelBuilder("FliqsQuantize", "CPU", Create, Compute, Delete);
  tf::TF_RegisterKernelBuilder("FliqsQuantize", kernel, status);
}

// TensorFlow writes two lines to standard error when its library is loaded, whatever its log level.
static void* OpenQuietly(const char* library) {
  fflush(stderr);
  const int saved = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (saved >= 0 && nowhere >= 0) dup2(nowhere, STDERR_FILENO);
  void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (saved >= 0 && nowhere >= 0) dup2(saved, STDERR_FILENO);
  if (saved >= 0) close(saved);
  if (nowhere >= 0) close(nowhere);
  return handle;
}

// load(path of libtensorflow_framework.so.2): once per process; a second call does nothing.
static napi_value Load(napi_env env, napi_callback_info info) {
  static bool done = false;
  if (done) return nullptr;
  size_t count = 1, length = 0;
  napi_value argument;
  char library[4096];
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok ||
      napi_get_value_string_utf8(env, argument, library, sizeof library, &length) != napi_ok) {
    napi_throw_error(env, nullptr, "load takes the path of libtensorflow_framework.so.2");
    return nullptr;
  }
  void* handle = OpenQuietly(library);
  if (handle == nullptr) {
    napi_throw_error(env, nullptr, dlerror());
    return nullptr;
  }
  const char* missing = nullptr;
#define LOOK_UP(name)                                                            \
  tf::name = reinterpret_cast<decltype(tf::name)>(dlsym(handle, #name));         \
  if (tf::name == nullptr) missing = #name;
  TENSORFLOW_FUNCTIONS(LOOK_UP)
  if (missing != nullptr) {
    napi_throw_error(env, nullptr, (std::string("libtensorflow has no ") + missing).c_str());
    return nullptr;
  }
  TF_Status* status = tf::TF_NewStatus();
  Register(status);
  if (tf::TF_GetCode(status) != TF_OK) napi_throw_error(env, nullptr, tf::TF_Message(status));
  tf::TF_DeleteStatus(status);
  done = true;
  return nullptr;
}

static napi_value Init(napi_env env, napi_value exports) {
  napi_value load;
  napi_create_function(env, "load", NAPI_AUTO_LENGTH, Load, nullptr, &load);
  napi_set_named_property(env, exports, "load", load);
  return exports;
}

NAPI_MODULE(fliqs_native, Init)
