#include "tensor/format/decode.h"

#include <array>
#include <cstring>

#include "base/check.h"
#include "tensor/format/bf16.h"
#include "tensor/format/grouped_blocks.h"
#include "tensor/format/half.h"
#include "tensor/format/q2_k.h"
#include "tensor/format/q3_k.h"
#include "tensor/format/q4_0.h"
#include "tensor/format/q4_1.h"
#include "tensor/format/q4_k.h"
#include "tensor/format/q5_0.h"
#include "tensor/format/q5_1.h"
#include "tensor/format/q5_k.h"
#include "tensor/format/q6_k.h"
#include "tensor/format/q8_0.h"

namespace chitu {
namespace {

using Decoder = void (*)(const std::byte* source, float* values, int64_t n);

void decode_f32(const std::byte* source, float* values, int64_t n) {
  std::memcpy(values, source, static_cast<size_t>(n) * sizeof(float));
}

template <float (*to_float)(uint16_t)>
void decode_16_bits(const std::byte* source, float* values, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, source + i * 2, sizeof(bits));
    values[i] = to_float(bits);
  }
}

template <class Block>
void decode_blocks(const std::byte* source, float* values, int64_t n) {
  for (int64_t i = 0; i < n / Block::kElements; ++i) {
    Block block = {};
    std::memcpy(&block, source + i * static_cast<int64_t>(sizeof(Block)), sizeof(block));
    decode_block(block, values + i * Block::kElements);
  }
}

struct Row {
  DType type;
  Decoder decode;  // nullptr: see can_decode
};

constexpr std::array<Row, kNumDTypes> kDecoders = {{
    {DType::kF32, decode_f32},
    {DType::kF16, decode_16_bits<half_to_float>},
    {DType::kBF16, decode_16_bits<bf16_to_float>},
    {DType::kI64, nullptr},
    {DType::kI32, nullptr},
    {DType::kI16, nullptr},
    {DType::kI8, nullptr},
    {DType::kU8, nullptr},
    {DType::kBool, nullptr},
    {DType::kF64, nullptr},
    {DType::kF8E4M3, nullptr},
    {DType::kF8E5M2, nullptr},
    {DType::kQ4_0, decode_blocks<BlockQ4_0>},
    {DType::kQ4_1, decode_blocks<BlockQ4_1>},
    {DType::kQ5_0, decode_blocks<BlockQ5_0>},
    {DType::kQ5_1, decode_blocks<BlockQ5_1>},
    {DType::kQ8_0, decode_blocks<BlockQ8_0>},
    {DType::kQ2_K, decode_blocks<BlockQ2_K>},
    {DType::kQ3_K, decode_blocks<BlockQ3_K>},
    {DType::kQ4_K, decode_blocks<BlockQ4_K>},
    {DType::kQ5_K, decode_blocks<BlockQ5_K>},
    {DType::kQ6_K, decode_blocks<BlockQ6_K>},
    {DType::kU4, nullptr},
    {DType::kI4_G32, decode_blocks<BlockI4<32>>},
    {DType::kI4_G64, decode_blocks<BlockI4<64>>},
    {DType::kI4_G128, decode_blocks<BlockI4<128>>},
    {DType::kI8_G32, decode_blocks<BlockI8<32>>},
    {DType::kI8_G64, decode_blocks<BlockI8<64>>},
    {DType::kI8_G128, decode_blocks<BlockI8<128>>},
    {DType::kF8_G128, decode_blocks<BlockF8<128>>},
}};

constexpr bool in_enum_order() {
  for (int i = 0; i < kNumDTypes; ++i) {
    if (kDecoders[i].type != static_cast<DType>(i)) return false;
  }
  return true;
}
static_assert(in_enum_order());

}  // namespace

bool can_decode(DType type) { return kDecoders[static_cast<int>(type)].decode != nullptr; }

void decode(DType type, const void* source, float* values, int64_t n) {
  CHECK(can_decode(type));
  CHECK(n >= 0 && n % info(type).block_elements == 0);
  kDecoders[static_cast<int>(type)].decode(static_cast<const std::byte*>(source), values, n);
}

}  // namespace chitu
