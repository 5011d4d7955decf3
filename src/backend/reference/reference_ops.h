// The definition of every operation: the plainest scalar code, accumulating in double, with F32
// activations and weights kept as the checkpoint has them and decoded row by row. Slow on purpose;
// every other back end is tested against it.
#pragma once

#include <memory>

#include "ops/ops.h"

namespace chitu {

std::unique_ptr<Ops> make_reference_ops();

}  // namespace chitu
