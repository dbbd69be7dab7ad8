// The functions of TensorFlow's C interface that the kernels call. They are looked up at run time (`addon.cc`): the addon
// is linked against nothing, so that it can load TensorFlow's library itself and keep the library's start-up lines from
// standard error.
#pragma once

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_tensor.h"

#define TENSORFLOW_FUNCTIONS(X)                                                                   \
  X(TF_NewStatus) X(TF_DeleteStatus) X(TF_GetCode) X(TF_SetStatus) X(TF_Message) X(TF_GetInput)   \
  X(TF_AllocateOutput) X(TF_NumDims) X(TF_Dim) X(TF_TensorData) X(TF_TensorElementCount)          \
  X(TF_DeleteTensor) X(TF_OpKernelContext_Failure) X(TF_OpKernelConstruction_Failure)             \
  X(TF_OpKernelConstruction_GetAttrInt32) X(TF_NewKernelBuilder) X(TF_RegisterKernelBuilder)      \
  X(TF_NewOpDefinitionBuilder) X(TF_OpDefinitionBuilderAddInput)                                  \
  X(TF_OpDefinitionBuilderAddOutput) X(TF_OpDefinitionBuilderAddAttr)                             \
  X(TF_OpDefinitionBuilderSetShapeInferenceFunction) X(TF_RegisterOpDefinition)                   \
  X(TF_NewShapeHandle) X(TF_DeleteShapeHandle) X(TF_ShapeInferenceContextGetInput)                \
  X(TF_ShapeInferenceContextSetOutput) X(TF_ShapeInferenceContextSetUnknownShape)

namespace tf {
#define DECLARE(name) extern decltype(&::name) name;
TENSORFLOW_FUNCTIONS(DECLARE)
#undef DECLARE
}  // namespace tf
