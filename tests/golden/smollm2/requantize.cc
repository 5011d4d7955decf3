#include "tests/golden/smollm2/requantize.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "tensor/format/bf16.h"
#include "tensor/format/decode.h"
#include "tensor/format/half.h"
#include "tensor/format/q4_0.h"
#include "tensor/format/q4_k.h"
#include "tensor/format/q6_k.h"
#include "tensor/format/q8_0.h"

namespace chitu::test {
namespace {

// A scale as it is stored.
float put_half(uint16_t& half, float value) {
  half = float_to_half(value);
  return half_to_float(half);
}

// The nearest code of value = unit * code, in [least, most].
int nearest(float value, float unit, int least, int most) {
  if (unit == 0.0F) return std::clamp(0, least, most);
  return std::clamp(static_cast<int>(std::lround(value / unit)), least, most);
}

// The value of the largest magnitude.
float largest(const float* values, int n) {
  return *std::max_element(values, values + n,
                           [](float a, float b) { return std::fabs(a) < std::fabs(b); });
}

void encode_block(const float* values, BlockQ4_0& block) {
  const float d = put_half(block.d, largest(values, 32) / -8.0F);
  for (int i = 0; i < 16; ++i) {
    const int low = nearest(values[i], d, -8, 7) + 8;
    const int high = nearest(values[i + 16], d, -8, 7) + 8;
    block.qs[i] = static_cast<uint8_t>(low | high << 4);
  }
}

// The inverse of k_scale_min().
void put_scale_min(uint8_t* scales, int group, int scale, int min) {
  if (group < 4) {
    scales[group] = static_cast<uint8_t>(scales[group] | scale);
    scales[4 + group] = static_cast<uint8_t>(scales[4 + group] | min);
    return;
  }
  scales[4 + group] = static_cast<uint8_t>((scale & 0xf) | (min & 0xf) << 4);
  scales[group - 4] = static_cast<uint8_t>(scales[group - 4] | scale >> 4 << 6);
  scales[group] = static_cast<uint8_t>(scales[group] | min >> 4 << 6);
}

void encode_block(const float* values, BlockQ4_K& block) {
  float units[8];
  float minima[8];
  for (int g = 0; g < 8; ++g) {
    const auto [low, high] = std::minmax_element(values + g * 32, values + g * 32 + 32);
    minima[g] = std::max(0.0F, -*low);
    units[g] = std::max(0.0F, *high + minima[g]) / 15.0F;
  }
  block = {};
  const float d = put_half(block.d, largest(units, 8) / 63.0F);
  const float dmin = put_half(block.dmin, largest(minima, 8) / 63.0F);
  for (int g = 0; g < 8; ++g) {
    const int scale = nearest(units[g], d, 0, 63);
    const int min = nearest(minima[g], dmin, 0, 63);
    put_scale_min(block.scales, g, scale, min);
    for (int i = 0; i < 32; ++i) {
      const float above = values[g * 32 + i] + dmin * static_cast<float>(min);
      const int code = nearest(above, d * static_cast<float>(scale), 0, 15);
      uint8_t& byte = block.qs[g / 2 * 32 + i];
      byte = static_cast<uint8_t>(byte | code << (g % 2 * 4));
    }
  }
}

void encode_block(const float* values, BlockQ6_K& block) {
  float units[16];
  for (int g = 0; g < 16; ++g) units[g] = largest(values + g * 16, 16) / -32.0F;
  block = {};
  const float d = put_half(block.d, largest(units, 16) / -128.0F);
  for (int g = 0; g < 16; ++g)
    block.scales[g] = static_cast<int8_t>(nearest(units[g], d, -128, 127));
  for (int i = 0; i < 256; ++i) {
    const float unit = d * static_cast<float>(block.scales[i / 16]);
    const int code = nearest(values[i], unit, -32, 31) + 32;
    const int half = i / 128;
    uint8_t& low = block.ql[half * 64 + i % 64];
    uint8_t& high = block.qh[half * 32 + i % 32];
    low = static_cast<uint8_t>(low | (code & 0xf) << (i % 128 / 64 * 4));
    high = static_cast<uint8_t>(high | code >> 4 << (i % 128 / 32 * 2));
  }
}

template <class Block>
void encode_blocks(const float* values, std::byte* to, int64_t n) {
  for (int64_t i = 0; i < n; i += Block::kElements, to += sizeof(Block)) {
    chitu::test::encode_block(values + i, *reinterpret_cast<Block*>(to));
  }
}
template <>
void encode_blocks<BlockQ8_0>(const float* values, std::byte* to, int64_t n) {
  for (int64_t i = 0; i < n; i += BlockQ8_0::kElements, to += sizeof(BlockQ8_0)) {
    chitu::encode_block(values + i, *reinterpret_cast<BlockQ8_0*>(to));
  }
}

template <auto kEncode>
void encode_halves(const float* values, std::byte* to, int64_t n) {
  std::transform(values, values + n, reinterpret_cast<uint16_t*>(to), kEncode);
}

void encode(DType format, const float* values, std::byte* to, int64_t n) {
  switch (format) {
    case DType::kF16:
      return encode_halves<float_to_half>(values, to, n);
    case DType::kBF16:
      return encode_halves<float_to_bf16>(values, to, n);
    case DType::kQ8_0:
      return encode_blocks<BlockQ8_0>(values, to, n);
    case DType::kQ4_0:
      return encode_blocks<BlockQ4_0>(values, to, n);
    case DType::kQ4_K:
      return encode_blocks<BlockQ4_K>(values, to, n);
    case DType::kQ6_K:
      return encode_blocks<BlockQ6_K>(values, to, n);
    default:
      CHECK(false);
  }
}

}  // namespace

std::vector<std::byte> requantized(const TensorRef& values, Requantize to, ThreadPool& pool) {
  CHECK(values.is_contiguous());
  const int64_t cols = values.cols();
  const DType format = to.of(cols);
  const int64_t row_bytes = bytes_for(format, cols);
  std::vector<std::byte> encoded(static_cast<std::size_t>(values.rows() * row_bytes));
  pool.parallel_for(values.rows(), 1, [&](int64_t begin, int64_t end, int) {
    std::vector<float> row(static_cast<std::size_t>(cols));
    for (int64_t r = begin; r < end; ++r) {
      decode(values.dtype, values.row_slice(r, 1).data, row.data(), cols);
      encode(format, row.data(), encoded.data() + r * row_bytes, cols);
    }
  });
  return encoded;
}

Result<Weight> RequantizingOps::prepare(const WeightSource& source) {
  std::vector<std::vector<std::byte>> bytes;
  std::vector<TensorRef> parts;
  for (const TensorRef& part : source.parts) {
    bytes.push_back(requantized(part, to_, pool_));
    parts.push_back(TensorRef::contiguous(bytes.back().data(), to_.of(part.cols()),
                                          {part.rows(), part.cols()}));
  }
  return ForwardingOps::prepare({.parts = parts});
}

}  // namespace chitu::test
