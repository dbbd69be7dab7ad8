// FliqsQuantize: fake quantization in one pass over the data, for every scalar number format.
//
//   FliqsQuantize(x: float, rows: float [sites, 7], amax: float [sites]; row: int, axis: int = -1, block_axis: int = -1,
//                 block_size: int = 0, clip: bool = false) -> y: float, like x
//   FliqsClipGradient(dy: float, x: float, rows: float [sites, 7], amax: float; row: int, axis: int = -1)
//     -> dx: float, like dy
//
// rows[row] = {2^-M, smallest step, lo, hi, scaleBy, block size, shared exponent}, see toRow in src/format/Formats.ts. The
// scale is absmax / scaleBy, over the whole tensor (axis -1) or one for every index along `axis`; amax[row] > 0 takes the
// place of the tensor's absmax. With `clip` amax has a magnitude for every scale ([1], or as many as x along `axis`), and
// each that is above 0 takes the place of an absmax; without a block axis blocks are then not looked at. With a block size above 0 in the row, or else in the attribute, every
// so many elements along `block_axis` have a scale of their own.
//
// The gradient is straight through. Only magnitudes that clip need an operation for it: dy where x lies inside the range,
// 0 where it saturates. The same rules in float32 as src/quantizer/reference.ts and src/tensor/Rounding.ts, bit for bit.
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
  X(TF_OpKernelConstruction_GetAttrInt32) X(TF_OpKernelConstruction_GetAttrBool)               \
  X(TF_NewKernelBuilder) X(TF_RegisterKernelBuilder)                                           \
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

// x as [outer, channels, inner], a scale for every `size` channels; the last block of an outer index may be short. A row
// without blocks of its own has a float32 scale for each.
static void QuantizeByBlock(const float* x, float* y, int64_t outer, int64_t channels, int64_t inner, int64_t size,
                            const float* row, float frozen) {
  const auto* bits = reinterpret_cast<const uint32_t*>(x);
  const auto increment = static_cast<uint32_t>(row[6]);
  const bool ofFormat = row[5] > 0, underTensor = ofFormat && row[4] < __builtin_inff();
  float t = 1;
  if (underTensor) t = (frozen > 0 ? frozen : FromBits(AbsMaxBits(bits, outer * channels * inner))) / row[4];
  const auto scale = [&](uint32_t top) {
    if (!ofFormat) return Scale(FromBits(top), row[4]);
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

// x as [outer, channels, inner], a scale for every channel; `clip` has a magnitude for each, or is null.
static void QuantizeByChannel(const float* x, float* y, int64_t outer, int64_t channels, int64_t inner,
                              const float* row, const float* clip) {
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
    scale[c] = Scale(clip != nullptr && clip[c] > 0 ? clip[c] : FromBits(top[c]), row[4]);
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

// Whether x saturates under the clip magnitude c. The largest value that c comes from never does, however c / s rounds.
static inline __attribute__((always_inline)) bool Saturates(float x, float c, float s, float lo, float hi) {
  const float y = x / s;
  return ((y > hi) | (y < lo)) & (__builtin_fabsf(x) > c) & (c > 0);
}

CLONES static void ClipGradient(const float* dy, const float* x, float* dx, int64_t n, float c, const float* row) {
  const float s = Scale(c, row[4]), lo = row[2], hi = row[3];
  for (int64_t i = 0; i < n; i++) dx[i] = Saturates(x[i], c, s, lo, hi) ? 0.0f : dy[i];
}

CLONES static void ClipGradientByColumn(const float* dy, const float* x, float* dx, int64_t rows, int64_t columns,
                                        const float* c, const float* s, const float* row) {
  const float lo = row[2], hi = row[3];
  for (int64_t r = 0; r < rows; r++)
    for (int64_t i = 0; i < columns; i++) {
      const int64_t at = r * columns + i;
      dx[at] = Saturates(x[at], c[i], s[i], lo, hi) ? 0.0f : dy[at];
    }
}

static void ClipGradientByChannel(const float* dy, const float* x, float* dx, int64_t outer, int64_t channels,
                                  int64_t inner, const float* row, const float* clip) {
  if (inner == 1) {
    std::vector<float> scale(channels);
    for (int64_t c = 0; c < channels; c++) scale[c] = Scale(clip[c], row[4]);
    ClipGradientByColumn(dy, x, dx, outer, channels, clip, scale.data(), row);
    return;
  }
  for (int64_t o = 0; o < outer; o++)
    for (int64_t c = 0; c < channels; c++) {
      const int64_t start = (o * channels + c) * inner;
      ClipGradient(dy + start, x + start, dx + start, inner, clip[c], row);
    }
}

struct Attributes {
  int32_t row = 0;
  int32_t axis = -1;
  int32_t blockAxis = -1;
  int32_t blockSize = 0;
  unsigned char clip = 0;
};

static void* CreateWith(TF_OpKernelConstruction* construction, bool gradient) {
  TF_Status* status = tf::TF_NewStatus();
  auto* attributes = new Attributes;
  const auto integer = [&](const char* name, int32_t* to) {
    if (tf::TF_GetCode(status) == TF_OK) tf::TF_OpKernelConstruction_GetAttrInt32(construction, name, to, status);
  };
  integer("row", &attributes->row);
  integer("axis", &attributes->axis);
  if (gradient) {
    attributes->clip = 1;
  } else {
    integer("block_axis", &attributes->blockAxis);
    integer("block_size", &attributes->blockSize);
    if (tf::TF_GetCode(status) == TF_OK)
      tf::TF_OpKernelConstruction_GetAttrBool(construction, "clip", &attributes->clip, status);
  }
  if (tf::TF_GetCode(status) != TF_OK) tf::TF_OpKernelConstruction_Failure(construction, status);
  tf::TF_DeleteStatus(status);
  return attributes;
}

static void* Create(TF_OpKernelConstruction* construction) { return CreateWith(construction, false); }
static void* CreateGradient(TF_OpKernelConstruction* construction) { return CreateWith(construction, true); }

static void Delete(void* attributes) { delete static_cast<Attributes*>(attributes); }

// What both operations read: x, its sizes, the row of its site and the magnitudes, checked.
struct Input {
  TF_Tensor *x = nullptr, *rows = nullptr, *amax = nullptr;
  std::vector<int64_t> sizes;

  void Read(TF_OpKernelContext* context, int first, const Attributes& at, TF_Status* status) {
    const auto ok = [&] { return tf::TF_GetCode(status) == TF_OK; };
    tf::TF_GetInput(context, first, &x, status);
    if (ok()) tf::TF_GetInput(context, first + 1, &rows, status);
    if (ok()) tf::TF_GetInput(context, first + 2, &amax, status);
    if (!ok()) return;
    for (int i = 0; i < tf::TF_NumDims(x); i++) sizes.push_back(tf::TF_Dim(x, i));
    const int rank = static_cast<int>(sizes.size());
    bool valid = tf::TF_NumDims(rows) == 2 && tf::TF_Dim(rows, 1) == 7 && at.row >= 0 &&
                 at.row < tf::TF_Dim(rows, 0) && tf::TF_NumDims(amax) == 1 && at.axis < rank && at.blockAxis < rank;
    if (valid) {
      const int64_t scales = at.axis < 0 ? 1 : sizes[at.axis];
      valid = tf::TF_Dim(amax, 0) == (at.clip ? scales : tf::TF_Dim(rows, 0));
    }
    if (!valid)
      tf::TF_SetStatus(status, TF_INVALID_ARGUMENT,
                       "FliqsQuantize: rows must be [sites, 7], amax [sites] or, with clip, one for every scale, row a "
                       "site, the axes dimensions of x");
    else if (!at.clip && at.blockAxis < 0 && (Row(at)[5] > 0 || at.blockSize > 0))
      tf::TF_SetStatus(status, TF_INVALID_ARGUMENT, "FliqsQuantize: blocks need a block axis");
  }
  const float* Row(const Attributes& at) const {
    return static_cast<const float*>(tf::TF_TensorData(rows)) + 7 * at.row;
  }
  const float* X() const { return static_cast<const float*>(tf::TF_TensorData(x)); }
  const float* Amax() const { return static_cast<const float*>(tf::TF_TensorData(amax)); }
  int64_t Count() const { return tf::TF_TensorElementCount(x); }
  int64_t Inner(int dimension) const {
    int64_t inner = 1;
    for (size_t i = dimension + 1; i < sizes.size(); i++) inner *= sizes[i];
    return inner;
  }
  TF_Tensor* Result(TF_OpKernelContext* context, TF_Status* status) const {
    return tf::TF_AllocateOutput(context, 0, TF_FLOAT, sizes.data(), sizes.size(), tf::TF_TensorByteSize(x), status);
  }
  ~Input() {
    for (TF_Tensor* tensor : {x, rows, amax})
      if (tensor != nullptr) tf::TF_DeleteTensor(tensor);
  }
};

static void Compute(void* kernel, TF_OpKernelContext* context) {
  const auto& attributes = *static_cast<Attributes*>(kernel);
  const auto& [site, axis, blockAxis, blockSize, clip] = attributes;
  TF_Status* status = tf::TF_NewStatus();
  Input input;
  TF_Tensor* y = nullptr;
  input.Read(context, 0, attributes, status);
  if (tf::TF_GetCode(status) == TF_OK) y = input.Result(context, status);
  if (tf::TF_GetCode(status) == TF_OK) {
    const int64_t n = input.Count();
    const float *from = input.X(), *row = input.Row(attributes), *amax = input.Amax();
    auto* to = static_cast<float*>(tf::TF_TensorData(y));
    const int64_t size = blockAxis < 0 ? 0 : row[5] > 0 ? static_cast<int64_t>(row[5]) : blockSize;
    const float frozen = clip ? (axis < 0 ? amax[0] : 0) : amax[site];
    if (row[0] == 0) {  // FP32: no rounding at all
      memcpy(to, from, n * sizeof(float));
    } else if (size > 0) {
      const int64_t inner = input.Inner(blockAxis), channels = input.sizes[blockAxis];
      if (n > 0) QuantizeByBlock(from, to, n / (inner * channels), channels, inner, size, row, frozen);
    } else if (axis < 0) {
      QuantizeByTensor(from, to, n, row, frozen);
    } else if (n > 0) {
      const int64_t inner = input.Inner(axis), channels = input.sizes[axis];
      QuantizeByChannel(from, to, n / (inner * channels), channels, inner, row, clip ? amax : nullptr);
    }
  } else {
    tf::TF_OpKernelContext_Failure(context, status);
  }
  if (y != nullptr) tf::TF_DeleteTensor(y);
  tf::TF_DeleteStatus(status);
}

static void ComputeGradient(void* kernel, TF_OpKernelContext* context) {
  const auto& attributes = *static_cast<Attributes*>(kernel);
  TF_Status* status = tf::TF_NewStatus();
  Input input;
  TF_Tensor *dy = nullptr, *dx = nullptr;
  tf::TF_GetInput(context, 0, &dy, status);
  if (tf::TF_GetCode(status) == TF_OK) input.Read(context, 1, attributes, status);
  if (tf::TF_GetCode(status) == TF_OK && tf::TF_TensorElementCount(dy) != input.Count())
    tf::TF_SetStatus(status, TF_INVALID_ARGUMENT, "FliqsClipGradient: dy and x must be of one shape");
  if (tf::TF_GetCode(status) == TF_OK) dx = input.Result(context, status);
  if (tf::TF_GetCode(status) == TF_OK) {
    const int64_t n = input.Count();
    const float *from = static_cast<const float*>(tf::TF_TensorData(dy)), *x = input.X();
    const float *row = input.Row(attributes), *clip = input.Amax();
    auto* to = static_cast<float*>(tf::TF_TensorData(dx));
    const int axis = attributes.axis;
    if (row[0] == 0 || row[5] > 0) {
      memcpy(to, from, n * sizeof(float));
    } else if (axis < 0) {
      ClipGradient(from, x, to, n, clip[0], row);
    } else if (n > 0) {
      const int64_t inner = input.Inner(axis), channels = input.sizes[axis];
      ClipGradientByChannel(from, x, to, n / (inner * channels), channels, inner, row, clip);
    }
  } else {
    tf::TF_OpKernelContext_Failure(context, status);
  }
  for (TF_Tensor* tensor : {dy, dx})
    if (tensor != nullptr) tf::TF_DeleteTensor(tensor);
  tf::TF_DeleteStatus(status);
}

static void SameShape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeHandle* shape = tf::TF_NewShapeHandle();
  tf::TF_ShapeInferenceContextGetInput(context, 0, shape, status);
  if (tf::TF_GetCode(status) == TF_OK) tf::TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
  tf::TF_DeleteShapeHandle(shape);
}

struct Definition {
  const char* name;
  std::vector<const char*> inputs, attributes;
  const char* output;
  void* (*create)(TF_OpKernelConstruction*);
  void (*compute)(void*, TF_OpKernelContext*);
};

static void Register(const Definition& op, TF_Status* status) {
  if (tf::TF_GetCode(status) != TF_OK) return;
  auto* definition = tf::TF_NewOpDefinitionBuilder(op.name);
  for (const char* input : op.inputs) tf::TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* attribute : op.attributes) tf::TF_OpDefinitionBuilderAddAttr(definition, attribute);
  tf::TF_OpDefinitionBuilderAddOutput(definition, op.output);
  tf::TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, SameShape);
  tf::TF_RegisterOpDefinition(definition, status);
  if (tf::TF_GetCode(status) != TF_OK) return;
  auto* kernel = tf::TF_NewKernelBuilder(op.name, "CPU", op.create, op.compute, Delete);
  tf::TF_RegisterKernelBuilder(op.name, kernel, status);
}

static void Register(TF_Status* status) {
  Register({"FliqsQuantize",
            {"x: float", "rows: float", "amax: float"},
            {"row: int", "axis: int = -1", "block_axis: int = -1", "block_size: int = 0", "clip: bool = false"},
            "y: float",
            Create,
            Compute},
           status);
  Register({"FliqsClipGradient",
            {"dy: float", "x: float", "rows: float", "amax: float"},
            {"row: int", "axis: int = -1"},
            "dx: float",
            CreateGradient,
            ComputeGradient},
           status);
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
