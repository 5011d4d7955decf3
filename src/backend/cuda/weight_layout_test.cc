#include "backend/cuda/weight_layout.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "tensor/format/bf16.h"
#include "tensor/format/grouped_blocks.h"

namespace chitu::cuda {
namespace {

WeightLayout layout_of(DType format, DType activations, int64_t rows, int64_t cols) {
  const Result<WeightLayout> layout = weight_layout(format, activations, rows, cols);
  EXPECT_TRUE(layout.ok());
  return layout.ok() ? *layout : WeightLayout();
}

TEST(WeightLayout, FloatsBecomeWhatActivationsAre) {
  EXPECT_EQ(layout_of(DType::kF32, DType::kBF16, 3, 16).format, DType::kBF16);
  EXPECT_EQ(layout_of(DType::kBF16, DType::kF16, 3, 16).format, DType::kF16);
  EXPECT_EQ(layout_of(DType::kBF16, DType::kF32, 3, 16).format, DType::kBF16);
  EXPECT_EQ(layout_of(DType::kF8_G128, DType::kF16, 3, 128).format, DType::kF8_G128);
}

TEST(WeightLayout, RowsAreWholePiecesAndPartsAddUp) {
  for (const DType format : {DType::kF32, DType::kF16, DType::kBF16, DType::kF8_G128}) {
    for (const int64_t cols : {1, 8, 67, 256}) {
      if (format == DType::kF8_G128 && cols % 128 != 0) continue;
      const WeightLayout whole = layout_of(format, DType::kF32, 13, cols);
      EXPECT_EQ(whole.stride % 16, 0);
      EXPECT_GE(whole.stride, bytes_for(format, cols) - whole.scales_stride());
      EXPECT_EQ(whole.bytes(), layout_of(format, DType::kF32, 10, cols).bytes() +
                                   layout_of(format, DType::kF32, 3, cols).bytes());
    }
  }
}

TEST(WeightLayout, RefusesWhatHasNoKernel) {
  for (const DType format : {DType::kI32, DType::kQ4_K, DType::kF8E4M3}) {
    const Result<WeightLayout> refused = weight_layout(format, DType::kBF16, 2, 256);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  }
  const Result<WeightLayout> broken = weight_layout(DType::kF8_G128, DType::kBF16, 2, 130);
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().code, ErrorCode::kCorrupt);
}

TEST(PackRows, ConvertsAndFillsUpWithZeros) {
  const std::vector<float> values = {1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F};
  const TensorRef parts[] = {
      TensorRef::contiguous(const_cast<float*>(values.data()), DType::kF32, {2, 3})};
  const WeightLayout layout = layout_of(DType::kF32, DType::kBF16, 2, 3);
  ASSERT_EQ(layout.stride, 16);
  std::vector<std::byte> packed(static_cast<std::size_t>(layout.stride), std::byte{0xff});
  pack_rows(layout, {.parts = parts}, 0, 1, 2, packed.data(), nullptr);
  uint16_t row[8];
  std::memcpy(row, packed.data(), sizeof(row));
  for (int i = 0; i < 8; ++i) EXPECT_EQ(bf16_to_float(row[i]), i < 3 ? 4.0F + i : 0.0F) << i;
}

TEST(PackRows, TakesScalesOutOfBlocksAndFromTheirOwnTensor) {
  constexpr int64_t kRows = 3;
  constexpr int64_t kGroups = 2;
  constexpr int64_t kCols = kGroups * 128;
  std::vector<uint8_t> codes(kRows * kCols);
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint8_t>(i * 7 % 127);
  std::vector<float> scales = {1.0F, 2.0F, 3.0F, 4.0F};  // of two rows each
  const auto scale = [&](int64_t row, int64_t group) { return scales[row / 2 * kGroups + group]; };
  std::vector<BlockF8<128>> blocks(kRows * kGroups);
  for (int64_t i = 0; i < kRows * kGroups; ++i) {
    blocks[i].d = scale(i / kGroups, i % kGroups);
    std::memcpy(blocks[i].qs, codes.data() + i * 128, 128);
  }
  const TensorRef apart[] = {TensorRef::contiguous(codes.data(), DType::kF8E4M3, {kRows, kCols})};
  const GroupScales own[] = {
      {.scales = TensorRef::contiguous(scales.data(), DType::kF32, {2, kGroups}),
       .rows_per_scale = 2}};
  const TensorRef together[] = {
      TensorRef::contiguous(blocks.data(), DType::kF8_G128, {kRows, kCols})};
  const WeightSource sources[] = {{.parts = apart, .scales = own}, {.parts = together}};
  for (const WeightSource& source : sources) {
    const WeightLayout layout = layout_of(DType::kF8_G128, DType::kBF16, kRows, kCols);
    std::vector<std::byte> values(2 * kCols);
    std::vector<float> d(2 * kGroups);
    pack_rows(layout, source, 0, 1, 3, values.data(), d.data());
    EXPECT_EQ(std::memcmp(values.data(), codes.data() + kCols, values.size()), 0);
    EXPECT_EQ(d, (std::vector<float>{1.0F, 2.0F, 3.0F, 4.0F}));
  }
}

}  // namespace
}  // namespace chitu::cuda
