// Element types and number formats. A format is a block of `block_elements` values in `block_bytes`
// bytes along a row's last dimension; plain types are blocks of one.
//
// The quantized formats and their bit layouts are those of GGUF (ggml-quants, "gguf" Python
// package).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace chitu {

enum class DType : uint8_t {
  kF32,
  kF16,
  kBF16,
  kI64,
  kI32,
  kI16,
  kI8,
  kU8,
  kBool,
  kF64,
  kF8E4M3,
  kF8E5M2,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kU4,  // the first of two in the low half of a byte
  // With a scale in float (format/grouped_blocks.h).
  kI4_G32,
  kI4_G64,
  kI4_G128,
  kI8_G32,
  kI8_G64,
  kI8_G128,
  kF8_G128,
};
inline constexpr int kNumDTypes = 30;

struct DTypeInfo {
  std::string_view name;  // "F32", "Q4_K": as safetensors and GGUF write it
  int block_elements = 1;
  int block_bytes = 1;
};

const DTypeInfo& info(DType type);

inline std::string_view name(DType type) { return info(type).name; }
inline bool is_quantized(DType type) { return info(type).block_elements > 1; }

// By name(), and the long names of configuration files: "float32", "float16", "bfloat16".
std::optional<DType> dtype_from_name(std::string_view name);

// Bytes of `elements` values that start at a block's start; elements % block_elements == 0.
inline int64_t bytes_for(DType type, int64_t elements) {
  const DTypeInfo& i = info(type);
  return elements / i.block_elements * i.block_bytes;
}

}  // namespace chitu
