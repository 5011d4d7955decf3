#include "backend/cpu/kernels/neon/vec.h"
#include "backend/cpu/kernels/row_templates.h"

namespace chitu::cpu {

const RowKernels& row_kernels_neon() {
  static constexpr RowKernels kTable = RowTemplates<neon::Vec>::table();
  return kTable;
}

}  // namespace chitu::cpu
