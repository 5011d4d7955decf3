#include "backend/cpu/kernels/attention_templates.h"
#include "backend/cpu/kernels/scalar/vec.h"

namespace chitu::cpu {

const AttentionKernels& attention_kernels_scalar() {
  static constexpr AttentionKernels kTable = AttentionTemplates<scalar::Vec>::table();
  return kTable;
}

}  // namespace chitu::cpu
