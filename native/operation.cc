#include "operation.h"

Call::Call(const Attributes& at, TF_OpKernelContext* context)
    : at(at), context_(context), status_(tf::TF_NewStatus()) {
  Read(0);
  Read(1);
  if (!Ok()) return;
  TF_Tensor *x = inputs_[0], *rows = inputs_[1];
  for (int i = 0; i < tf::TF_NumDims(x); i++) sizes_.push_back(tf::TF_Dim(x, i));
  const int rank = tf::TF_NumDims(x);
  if (tf::TF_NumDims(rows) != 2 || tf::TF_Dim(rows, 1) != rowLength || at.row < 0 || at.row >= tf::TF_Dim(rows, 0))
    Fail("rows must be [sites, rowLength], and row a site");
  else if (at.axis >= rank || at.blockAxis >= rank)
    Fail("axis and block_axis must be dimensions of x");
  else if (at.blockAxis < 0 && at.blockSize > 0)
    Fail("blocks need a block axis");
}

Call::~Call() {
  if (!Ok()) tf::TF_OpKernelContext_Failure(context_, status_);
  for (TF_Tensor* tensor : inputs_) tf::TF_DeleteTensor(tensor);
  if (output_ != nullptr) tf::TF_DeleteTensor(output_);
  tf::TF_DeleteStatus(status_);
}

Sizes Call::About(int dimension) const {
  Sizes about = {1, sizes_[dimension], 1};
  for (int i = 0; i < static_cast<int>(sizes_.size()); i++) {
    if (i < dimension) about.outer *= sizes_[i];
    if (i > dimension) about.inner *= sizes_[i];
  }
  return about;
}

int64_t Call::Scales() const {
  if (at.blockSize > 0) {
    const auto [outer, channels, inner] = About(at.blockAxis);
    return outer * ((channels + at.blockSize - 1) / at.blockSize) * inner;
  }
  return at.axis < 0 ? 1 : sizes_[at.axis];
}

const float* Call::Read(int index) {
  if (!Ok()) return nullptr;
  TF_Tensor* tensor = nullptr;
  tf::TF_GetInput(context_, index, &tensor, status_);
  if (!Ok()) return nullptr;
  inputs_.push_back(tensor);
  return Data(index);
}

float* Call::Allocate(const std::vector<int64_t>& sizes, int64_t count) {
  if (!Ok()) return nullptr;
  const size_t bytes = count * sizeof(float);
  output_ = tf::TF_AllocateOutput(context_, 0, TF_FLOAT, sizes.data(), static_cast<int>(sizes.size()), bytes, status_);
  return Ok() ? static_cast<float*>(tf::TF_TensorData(output_)) : nullptr;
}

float* Call::Like() { return Allocate(sizes_, Count()); }
float* Call::List(int64_t count) { return Allocate({count}, count); }
