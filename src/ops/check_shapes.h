// Shapes and dtypes of an operation, verified declaratively. Used by tests, by debug builds, and by
// the dry run that sizes the arena.
#pragma once

#include "base/result.h"
#include "ops/descs.h"

namespace chitu {

// Error: kInternal naming the operation, the operand, and the shape found and wanted.
Status check_shapes(const Op& op);

std::string_view op_name(const Op& op);  // "Linear"

}  // namespace chitu
