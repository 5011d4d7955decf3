// What every reader of a checkpoint promises of its tensors, tried on each of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "base/check.h"
#include "io/tensor_entry.h"
#include "tensor/format/decode.h"

namespace chitu {

inline void touch_tensors(std::span<const std::byte> file, std::span<const TensorEntry> tensors) {
  constexpr int64_t kMaxDecoded = 4096;
  for (const TensorEntry& tensor : tensors) {
    const TensorRef& data = tensor.data;
    CHECK(data.is_contiguous() && data.shape.elements() >= 0);
    const int64_t bytes = bytes_for(data.dtype, data.shape.elements());
    CHECK(bytes >= 0 && bytes <= static_cast<int64_t>(file.size()));
    if (bytes == 0) continue;
    const auto* begin = static_cast<const std::byte*>(data.data);
    CHECK(begin >= file.data() && begin + bytes <= file.data() + file.size());
    if (!can_decode(data.dtype)) continue;
    const int64_t count = std::min(data.shape.elements(), kMaxDecoded);
    const int64_t whole = count / info(data.dtype).block_elements * info(data.dtype).block_elements;
    std::vector<float> values(static_cast<std::size_t>(whole));
    decode(data.dtype, data.data, values.data(), whole);
  }
}

}  // namespace chitu
