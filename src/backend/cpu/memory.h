// Memory of the CPU back end.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "ops/buffer.h"

namespace chitu::cpu {

enum class Contents : uint8_t { kZero, kUndefined };

// Aligned to 64 bytes; large buffers on huge pages where the system offers them.
// Error: kResourceExhausted.
Result<Buffer> allocate_memory(std::size_t bytes, Contents contents = Contents::kZero);

}  // namespace chitu::cpu
