// What the operations have in common: their attributes, x and its format with the checks of their sizes, over what one
// scale goes, and how an operation is told to TensorFlow.
#pragma once

#include <cstdint>
#include <vector>

#include "row.h"
#include "tensorflow.h"

struct Attributes {
  int32_t row = 0;        // which row of `rows`: the site
  int32_t axis = -1;      // a scale for every index along this dimension of x; -1: one for the tensor
  int32_t blockAxis = -1; // the dimension along which blocks run; -1 where there are none
  int32_t blockSize = 0;  // above 0: a float32 scale for every so many elements along blockAxis, whatever the axis
};

// x as [outer, channels, inner] about one of its dimensions.
struct Sizes {
  int64_t outer, channels, inner;
};

// One run of an operation. The first two inputs are x and rows [sites, rowLength]. After a failure nothing is to be read.
class Call {
 public:
  Call(const Attributes& at, TF_OpKernelContext* context);
  ~Call();
  Call(const Call&) = delete;

  bool Ok() const { return tf::TF_GetCode(status_) == TF_OK; }
  void Fail(const char* why) { tf::TF_SetStatus(status_, TF_INVALID_ARGUMENT, why); }

  const float* X() const { return Data(0); }
  int64_t Count() const { return tf::TF_TensorElementCount(inputs_[0]); }
  const Row& FormatRow() const { return reinterpret_cast<const Row*>(Data(1))[at.row]; }
  int64_t Sites() const { return tf::TF_Dim(inputs_[1], 0); }
  Sizes About(int dimension) const;
  // How many scales the granularity gives x.
  int64_t Scales() const;
  // Whether the format has a float32 scale, and no blocks of its own.
  bool HasScales() const { return FormatRow().scaleBy < __builtin_inff() && FormatRow().blockSize == 0; }

  // Input `index`, from 2 on, in turn; null after a failure.
  const float* Read(int index);
  int64_t CountOf(int index) const { return tf::TF_TensorElementCount(inputs_[index]); }

  // The output, with the shape of x, or [count]; null after a failure.
  float* Like();
  float* List(int64_t count);

  const Attributes& at;

 private:
  const float* Data(int index) const { return static_cast<const float*>(tf::TF_TensorData(inputs_[index])); }
  float* Allocate(const std::vector<int64_t>& sizes, int64_t count);

  TF_OpKernelContext* context_;
  TF_Status* status_;
  std::vector<TF_Tensor*> inputs_;
  std::vector<int64_t> sizes_;
  TF_Tensor* output_ = nullptr;
};

struct Operation {
  const char* name;
  // After x and rows, as `name: float`.
  std::vector<const char*> inputs;
  // Whether the result has the shape of x; else it is a list, of a length that is known when it runs.
  bool likeX;
  void (*run)(Call& call);
};

extern const Operation quantize, clipGradient, percentile, leastError;
