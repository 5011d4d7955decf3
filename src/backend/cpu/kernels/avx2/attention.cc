#include "backend/cpu/kernels/attention_templates.h"
#include "backend/cpu/kernels/avx2/vec.h"

namespace chitu::cpu {

const AttentionKernels& attention_kernels_avx2() {
  static constexpr AttentionKernels kTable = AttentionTemplates<avx2::Vec>::table();
  return kTable;
}

}  // namespace chitu::cpu
