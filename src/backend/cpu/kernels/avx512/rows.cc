#include "backend/cpu/kernels/avx512/vec.h"
#include "backend/cpu/kernels/row_templates.h"

namespace chitu::cpu {

const RowKernels& row_kernels_avx512() {
  static constexpr RowKernels kTable = RowTemplates<avx512::Vec>::table();
  return kTable;
}

}  // namespace chitu::cpu
