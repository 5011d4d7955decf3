#include "tensor/format/decode.h"

#include <gtest/gtest.h>

#include <bit>
#include <cctype>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace chitu {
namespace {

// tests/golden/gguf/<format>.bin: blocks, then the floats that the "gguf" package makes of them.
struct Golden {
  std::string blocks;
  std::vector<float> values;
};

Golden read_golden(DType type) {
  std::string file_name(name(type));
  for (char& c : file_name) c = static_cast<char>(std::tolower(c));
  std::ifstream file(CHITU_SOURCE_DIR "/tests/golden/gguf/" + file_name + ".bin", std::ios::binary);
  const std::string all((std::istreambuf_iterator<char>(file)), {});
  const size_t block_bytes = static_cast<size_t>(info(type).block_bytes);
  const size_t elements = static_cast<size_t>(info(type).block_elements);
  const size_t blocks = all.size() / (block_bytes + elements * sizeof(float));
  Golden golden;
  golden.blocks = all.substr(0, blocks * block_bytes);
  golden.values.resize(blocks * elements);
  std::memcpy(golden.values.data(), all.data() + golden.blocks.size(),
              golden.values.size() * sizeof(float));
  return golden;
}

class DecodeGolden : public ::testing::TestWithParam<DType> {};

TEST_P(DecodeGolden, EqualsTheGgufPackage) {
  const Golden golden = read_golden(GetParam());
  ASSERT_GT(golden.values.size(), 0u) << "python3 tests/golden/gguf/make_golden.py makes the files";
  std::string unaligned = "x" + golden.blocks;
  std::vector<float> values(golden.values.size());
  decode(GetParam(), unaligned.data() + 1, values.data(), static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(golden.values[i])) {
      ASSERT_TRUE(std::isnan(values[i])) << i;
    } else {
      ASSERT_EQ(std::bit_cast<uint32_t>(values[i]), std::bit_cast<uint32_t>(golden.values[i]))
          << "value " << i << ": " << values[i] << " for " << golden.values[i];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, DecodeGolden,
                         ::testing::Values(DType::kF32, DType::kF16, DType::kBF16, DType::kQ4_0,
                                           DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ8_0,
                                           DType::kQ2_K, DType::kQ3_K, DType::kQ4_K, DType::kQ5_K,
                                           DType::kQ6_K),
                         [](const auto& param) { return std::string(name(param.param)); });

TEST(Decode, CoversEveryBlockFormatAndNoInteger) {
  for (int i = 0; i < kNumDTypes; ++i) {
    const auto type = static_cast<DType>(i);
    EXPECT_TRUE(can_decode(type) || !is_quantized(type) || type == DType::kU4) << name(type);
  }
  EXPECT_FALSE(can_decode(DType::kI32));
}

}  // namespace
}  // namespace chitu
