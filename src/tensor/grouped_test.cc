#include "tensor/grouped.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tensor/format/decode.h"
#include "tensor/format/e4m3.h"

namespace chitu {
namespace {

template <class T>
TensorRef matrix(std::vector<T>& data, DType type, int64_t rows, int64_t cols) {
  return TensorRef::contiguous(data.data(), type, {rows, cols});
}

// Every row, through blocks.
std::vector<float> decoded(const TensorRef& values, const GroupScales& scales) {
  const DType format = grouped_format(values, scales).value();
  std::vector<std::byte> blocks(static_cast<std::size_t>(bytes_for(format, values.cols())));
  std::vector<float> result(static_cast<std::size_t>(values.rows() * values.cols()));
  for (int64_t row = 0; row < values.rows(); ++row) {
    group_row(values, scales, row, blocks.data());
    decode(format, blocks.data(), result.data() + row * values.cols(), values.cols());
  }
  return result;
}

TEST(Grouped, FourBitsWithZeros) {
  for (const int64_t group : {32, 64, 128}) {
    constexpr int64_t kRows = 3;
    const int64_t cols = 2 * group;
    std::vector<uint8_t> nibbles(static_cast<std::size_t>(kRows * cols / 2));
    for (std::size_t i = 0; i < nibbles.size(); ++i) nibbles[i] = static_cast<uint8_t>(i * 37);
    std::vector<float> d = {0.5F, 1.0F, 0.1F, 0.2F, 3.0F, -1.5F};
    std::vector<uint8_t> zeros = {0, 15, 8, 7, 9, 3};
    const TensorRef values = matrix(nibbles, DType::kU4, kRows, cols);
    GroupScales scales{.scales = matrix(d, DType::kF32, kRows, 2),
                       .zeros = matrix(zeros, DType::kU8, kRows, 2)};
    for (const bool with_zeros : {true, false}) {
      if (!with_zeros) scales.zeros = {};
      const std::vector<float> found = decoded(values, scales);
      for (std::size_t i = 0; i < found.size(); ++i) {
        const std::size_t at = i / static_cast<std::size_t>(group);
        const int q = nibbles[i / 2] >> (i % 2 * 4) & 0xf;
        const int zero = with_zeros ? zeros[at] : 8;
        ASSERT_EQ(found[i], d[at] * static_cast<float>(q - zero)) << group << ": " << i;
      }
    }
  }
}

TEST(Grouped, EightBitsSignedAndUnsigned) {
  for (const int64_t group : {32, 64, 128}) {
    std::vector<uint8_t> bytes(static_cast<std::size_t>(2 * group));
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 5 + 3);
    std::vector<uint16_t> d = {0x3f80, 0xbe80};  // 1 and -0.25 in BF16
    std::vector<uint8_t> zeros = {0, 255};
    const GroupScales symmetric{.scales = matrix(d, DType::kBF16, 2, 1)};
    const GroupScales with_zeros{.scales = symmetric.scales,
                                 .zeros = matrix(zeros, DType::kU8, 2, 1)};
    const auto i8 = decoded(matrix(bytes, DType::kI8, 2, group), symmetric);
    const auto u8 = decoded(matrix(bytes, DType::kU8, 2, group), symmetric);
    const auto zeroed = decoded(matrix(bytes, DType::kU8, 2, group), with_zeros);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::size_t row = i / static_cast<std::size_t>(group);
      const float scale = row == 0 ? 1.0F : -0.25F;
      ASSERT_EQ(i8[i], scale * static_cast<float>(static_cast<int8_t>(bytes[i])));
      ASSERT_EQ(u8[i], scale * static_cast<float>(bytes[i] - 128));
      ASSERT_EQ(zeroed[i], scale * static_cast<float>(bytes[i] - zeros[row]));
    }
  }
}

TEST(Grouped, Fp8WithAScaleForSquares) {
  constexpr int64_t kRows = 130;
  constexpr int64_t kCols = 256;
  std::vector<uint8_t> bytes(kRows * kCols);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i % 0x7f);
  std::vector<float> d = {1.0F, 2.0F, 3.0F, 0.5F};
  const GroupScales scales{
      .scales = matrix(d, DType::kF32, 2, 2), .zeros = {}, .rows_per_scale = 128};
  const auto found = decoded(matrix(bytes, DType::kF8E4M3, kRows, kCols), scales);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const float scale = d[i / kCols / 128 * 2 + i % kCols / 128];
    ASSERT_EQ(found[i], scale * e4m3_to_float(bytes[i])) << i;
  }
}

TEST(Grouped, E4m3) {
  EXPECT_EQ(e4m3_to_float(0x00), 0.0F);
  EXPECT_EQ(e4m3_to_float(0x01), 0x1p-9F);  // the smallest
  EXPECT_EQ(e4m3_to_float(0x07), 7 * 0x1p-9F);
  EXPECT_EQ(e4m3_to_float(0x08), 0x1p-6F);  // the smallest normal one
  EXPECT_EQ(e4m3_to_float(0x38), 1.0F);
  EXPECT_EQ(e4m3_to_float(0xb9), -1.125F);
  EXPECT_EQ(e4m3_to_float(0x7e), 448.0F);
  EXPECT_TRUE(std::isnan(e4m3_to_float(0x7f)));
  EXPECT_TRUE(std::isnan(e4m3_to_float(0xff)));
}

TEST(Grouped, RefusesWhatDoesNotBelongTogether) {
  std::vector<uint8_t> bytes(4 * 256);
  std::vector<float> d(64);
  const auto refused = [&](DType type, int64_t cols, int64_t scale_rows, int64_t groups,
                           TensorRef zeros = {}, int64_t rows_per_scale = 1) {
    const auto format = grouped_format(matrix(bytes, type, 4, cols),
                                       {.scales = matrix(d, DType::kF32, scale_rows, groups),
                                        .zeros = zeros,
                                        .rows_per_scale = rows_per_scale});
    return format.ok() ? "" : format.error().message;
  };
  EXPECT_EQ(refused(DType::kU4, 256, 4, 2), "");
  EXPECT_NE(refused(DType::kU4, 256, 3, 2), "");  // rows
  EXPECT_NE(refused(DType::kU4, 256, 4, 3), "");  // columns
  EXPECT_NE(refused(DType::kU4, 256, 4, 2, {}, 0), "");
  EXPECT_NE(refused(DType::kU4, 256, 4, 16), "");  // groups of 16
  EXPECT_NE(refused(DType::kI32, 256, 4, 2), "");
  EXPECT_NE(refused(DType::kU4, 256, 4, 2, matrix(bytes, DType::kU8, 4, 1)), "");
  EXPECT_NE(refused(DType::kU4, 256, 4, 2, matrix(bytes, DType::kI8, 4, 2)), "");
  EXPECT_NE(refused(DType::kI8, 256, 4, 2, matrix(bytes, DType::kU8, 4, 2)), "");
}

}  // namespace
}  // namespace chitu
