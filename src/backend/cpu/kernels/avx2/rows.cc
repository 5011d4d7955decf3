#include "backend/cpu/kernels/avx2/vec.h"
#include "backend/cpu/kernels/row_templates.h"

namespace chitu::cpu {

const RowKernels& row_kernels_avx2() {
  static constexpr RowKernels kTable = RowTemplates<avx2::Vec>::table();
  return kTable;
}

}  // namespace chitu::cpu
