#include "backend/cpu/kernels/attention_templates.h"
#include "backend/cpu/kernels/avx512/vec.h"

namespace chitu::cpu {

const AttentionKernels& attention_kernels_avx512() {
  static constexpr AttentionKernels kTable = AttentionTemplates<avx512::Vec>::table();
  return kTable;
}

}  // namespace chitu::cpu
