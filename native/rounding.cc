#include "rounding.h"

CLONES uint32_t AbsMaxBits(const uint32_t* x, int64_t n) {
  uint32_t top = 0;
  for (int64_t i = 0; i < n; i++) {
    const uint32_t magnitude = x[i] & 0x7fffffff;
    top = top > magnitude ? top : magnitude;
  }
  return top;
}
