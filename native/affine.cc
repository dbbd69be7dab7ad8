#include "affine.h"

CLONES static void WidenTogether(Ends& ends, const float* x, int64_t n) {
  int32_t least = ends.least, most = ends.most;
  for (int64_t i = 0; i < n; i++) {
    const int32_t value = Ordered(x[i]);
    least = value < least ? value : least;
    most = value > most ? value : most;
  }
  ends = {least, most};
}

void Widen(Ends& ends, const float* x, int64_t n, int64_t stride) {
  if (stride == 1) return WidenTogether(ends, x, n);
  for (int64_t i = 0; i < n; i++) WidenTogether(ends, x + i * stride, 1);
}
