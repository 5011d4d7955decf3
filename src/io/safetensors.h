// The safetensors format: 8 bytes of header length (little endian), a JSON header
//   {"name": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}, "__metadata__": {...}}
// and the tensors' bytes, to which the offsets refer. https://github.com/huggingface/safetensors
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "io/tensor_entry.h"

namespace chitu {

// The limit of the safetensors package.
inline constexpr int64_t kMaxSafetensorsHeaderBytes = 100'000'000;
// A matrix has eight: itself, its dtype, its shape of two, its offsets of two.
inline constexpr int64_t kMaxSafetensorsHeaderValues = 4'000'000;

// The tensors of a whole file in memory, in the order of their bytes. Views point into `file`.
// Refuses what the safetensors package refuses: a header that is too long, cut off or not JSON;
// offsets that overlap, leave a hole, or do not match dtype and shape; bytes missing or left over.
// Beyond that: a tensor that is named twice, and a dtype that DType does not have.
Result<std::vector<TensorEntry>> parse_safetensors(std::span<const std::byte> file);

}  // namespace chitu
