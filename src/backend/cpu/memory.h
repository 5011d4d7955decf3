// Memory of the CPU back end.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "ops/buffer.h"

namespace chitu::cpu {

// Zero-filled, aligned to 64 bytes; large buffers on huge pages where the system offers them.
// Error: kResourceExhausted.
Result<Buffer> allocate_memory(std::size_t bytes);

}  // namespace chitu::cpu
