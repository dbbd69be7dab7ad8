// The addon: `load` brings TensorFlow's library in, looks its functions up and registers the operations.
#include <dlfcn.h>
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "operation.h"

namespace tf {
#define DEFINE(name) decltype(&::name) name = nullptr;
TENSORFLOW_FUNCTIONS(DEFINE)
}  // namespace tf

static void* Create(TF_OpKernelConstruction* construction) {
  TF_Status* status = tf::TF_NewStatus();
  auto* at = new Attributes;
  const auto read = [&](const char* name, int32_t* to) {
    if (tf::TF_GetCode(status) == TF_OK) tf::TF_OpKernelConstruction_GetAttrInt32(construction, name, to, status);
  };
  read("row", &at->row);
  read("axis", &at->axis);
  read("block_axis", &at->blockAxis);
  read("block_size", &at->blockSize);
  if (tf::TF_GetCode(status) != TF_OK) tf::TF_OpKernelConstruction_Failure(construction, status);
  tf::TF_DeleteStatus(status);
  return at;
}

static void Delete(void* at) { delete static_cast<Attributes*>(at); }

template <const Operation& operation>
static void Run(void* at, TF_OpKernelContext* context) {
  Call call(*static_cast<Attributes*>(at), context);
  if (call.Ok()) operation.run(call);
}

template <const Operation& operation>
static void InferShape(TF_ShapeInferenceContext* context, TF_Status* status) {
  if (!operation.likeX) return tf::TF_ShapeInferenceContextSetUnknownShape(context, status);
  TF_ShapeHandle* shape = tf::TF_NewShapeHandle();
  tf::TF_ShapeInferenceContextGetInput(context, 0, shape, status);
  if (tf::TF_GetCode(status) == TF_OK) tf::TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
  tf::TF_DeleteShapeHandle(shape);
}

template <const Operation& operation>
static void Register(TF_Status* status) {
  if (tf::TF_GetCode(status) != TF_OK) return;
  auto* definition = tf::TF_NewOpDefinitionBuilder(operation.name);
  for (const char* input : {"x: float", "rows: float"}) tf::TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* input : operation.inputs) tf::TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* attribute : {"row: int", "axis: int = -1", "block_axis: int = -1", "block_size: int = 0"})
    tf::TF_OpDefinitionBuilderAddAttr(definition, attribute);
  tf::TF_OpDefinitionBuilderAddOutput(definition, "y: float");
  tf::TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, InferShape<operation>);
  tf::TF_RegisterOpDefinition(definition, status);
  if (tf::TF_GetCode(status) != TF_OK) return;
  auto* kernel = tf::TF_NewKernelBuilder(operation.name, "CPU", Create, Run<operation>, Delete);
  tf::TF_RegisterKernelBuilder(operation.name, kernel, status);
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
  Register<quantize>(status);
  Register<clipGradient>(status);
  Register<percentile>(status);
  Register<leastError>(status);
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
