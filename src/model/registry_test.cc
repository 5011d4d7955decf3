#include "model/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>

#include "io/checkpoint.h"
#include "io/test_files.h"
#include "model/load.h"
#include "tensor/format/bf16.h"
#include "tensor/format/half.h"

namespace chitu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Types by their numbers in GGUF.
constexpr uint32_t kF32 = 0;
constexpr uint32_t kF16 = 1;
constexpr uint32_t kQ8_0 = 8;
constexpr uint32_t kI8 = 24;
constexpr uint32_t kBF16 = 30;

struct RopeFreqs {
  std::vector<uint64_t> dims;
  uint32_t type = kF32;
  std::string data;
};

// The configuration of a llama with one head of `head_dim`, whose rope_freqs.weight is given.
Result<ModelConfig> read(int64_t head_dim, const RopeFreqs& freqs) {
  GgufBytes gguf;
  gguf.string("general.architecture", "llama");
  for (const auto& [key, value] :
       {std::pair{"embedding_length", head_dim}, std::pair{"feed_forward_length", int64_t{8}},
        std::pair{"block_count", int64_t{1}}, std::pair{"attention.head_count", int64_t{1}},
        std::pair{"context_length", int64_t{64}}}) {
    gguf.integer(fmt::format("llama.{}", key), GgufType::kUint32, value);
  }
  gguf.tensor("token_embd.weight", {static_cast<uint64_t>(head_dim), 1}, kF32,
              std::string(static_cast<std::size_t>(head_dim) * 4, '\0'));
  gguf.tensor("rope_freqs.weight", freqs.dims, freqs.type, freqs.data);
  const TemporaryDirectory directory;
  TRY(checkpoint, Checkpoint::open(directory.write("model.gguf", gguf.bytes())));
  return read_model_config(checkpoint);
}

std::string error(int64_t head_dim, const RopeFreqs& freqs) {
  const auto config = read(head_dim, freqs);
  return config.ok() ? "read" : config.error().message;
}

template <class T>
std::string bytes(std::initializer_list<T> values) {
  std::string text;
  for (const T value : values) text += little_endian(value);
  return text;
}

TEST(GgufRopeFreqs, AreReadInEveryFormatThatHoldsFloats) {
  const auto divisors = [](const RopeFreqs& freqs) {
    const auto config = read(6, freqs);
    EXPECT_TRUE(config.ok()) << config.error().message;
    return config.ok() ? config->rope.frequency_divisors : std::vector<float>();
  };
  EXPECT_THAT(divisors({{3}, kF32, bytes({1.0F, 1.5F, 8.0F})}), ElementsAre(1, 1.5, 8));
  EXPECT_THAT(
      divisors({{3}, kF16, bytes({float_to_half(1), float_to_half(1.5), float_to_half(8)})}),
      ElementsAre(1, 1.5, 8));
  EXPECT_THAT(
      divisors({{3}, kBF16, bytes({float_to_bf16(1), float_to_bf16(1.5), float_to_bf16(8)})}),
      ElementsAre(1, 1.5, 8));
  // A matrix of one row, as an array of more dimensions than it needs.
  EXPECT_THAT(divisors({{3, 1}, kF32, bytes({1.0F, 1.5F, 8.0F})}), ElementsAre(1, 1.5, 8));
}

TEST(GgufRopeFreqs, AreReadInABlockFormat) {
  std::string block = little_endian(float_to_half(0.25F));
  for (int i = 1; i <= 32; ++i) block += static_cast<char>(i);
  const auto config = read(64, {{32}, kQ8_0, block});
  ASSERT_TRUE(config.ok()) << config.error().message;
  ASSERT_EQ(config->rope.frequency_divisors.size(), 32U);
  EXPECT_EQ(config->rope.frequency_divisors.front(), 0.25F);
  EXPECT_EQ(config->rope.frequency_divisors.back(), 8.0F);
}

TEST(GgufRopeFreqs, ThatAreNoneAreRefused) {
  EXPECT_THAT(error(6, {{3}, kI8, "\1\1\1"}),
              HasSubstr("tensor \"rope_freqs.weight\": 3 values in format I8; expected at most"));
  EXPECT_THAT(error(6, {{3}, kQ8_0, std::string(34, '\1')}), HasSubstr("rope_freqs.weight"));
  EXPECT_THAT(error(6, {{2}, kF32, bytes({1.0F, 1.0F})}),
              HasSubstr("has 2 values where the rotary dimension 6 asks for half of it"));
  EXPECT_THAT(error(6, {{1 << 20}, kF32, std::string(4 << 20, '\1')}),
              HasSubstr("1048576 values in format F32; expected at most"));
  EXPECT_THAT(error(6, {{3}, kF16, bytes({float_to_half(1), float_to_half(0), float_to_half(1)})}),
              HasSubstr("expected positive numbers, found 0"));
  EXPECT_THAT(error(6, {{3}, kBF16, bytes<uint16_t>({0x3f80, 0x7fc0, 0x3f80})}),
              HasSubstr("expected positive numbers, found nan"));
}

}  // namespace
}  // namespace chitu
