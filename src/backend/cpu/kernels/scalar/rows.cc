#include "backend/cpu/kernels/row_templates.h"
#include "backend/cpu/kernels/scalar/vec.h"

namespace chitu::cpu {

const RowKernels& row_kernels_scalar() {
  static constexpr RowKernels kTable = RowTemplates<scalar::Vec>::table();
  return kTable;
}

}  // namespace chitu::cpu
