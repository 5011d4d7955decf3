#include "backend/cpu/kernels/attention_templates.h"
#include "backend/cpu/kernels/neon/vec.h"

namespace chitu::cpu {

const AttentionKernels& attention_kernels_neon() {
  static constexpr AttentionKernels kTable = AttentionTemplates<neon::Vec>::table();
  return kTable;
}

}  // namespace chitu::cpu
