#include "ops/dry_run.h"

#include <gtest/gtest.h>

#include "ops/arena.h"

namespace chitu {
namespace {

// A device with simple sizes; nothing is ever run on it.
class Sizes : public Ops {
 public:
  std::string_view name() const override { return "sizes"; }
  DType activation_dtype() const override { return DType::kBF16; }
  void run(const Op&) override { ADD_FAILURE() << "a dry run ran"; }
  Status synchronize() override { return {}; }
  int64_t workspace_bytes(const Op& op) const override {
    const auto* scale = std::get_if<Scale>(&op);
    return scale != nullptr ? scale->x.rows() : 0;
  }
  Result<Buffer> allocate(std::size_t) override { return Buffer(); }
  void upload(void*, const void*, std::size_t) override {}
  void download(void*, const void*, std::size_t) override {}
  Result<Weight> prepare(const WeightSource&) override { return Weight(); }
  Result<int64_t> prepared_bytes(DType format, int64_t rows, int64_t cols) const override {
    if (format == DType::kF64) return make_error(ErrorCode::kUnsupported, "F64: no kernel");
    return bytes_for(format, rows * cols) + 1;
  }
};

TEST(DryRun, AddsUpMemoryWithoutTouchingAny) {
  const Sizes device;
  DryRunOps ops(device);
  EXPECT_EQ(ops.activation_dtype(), DType::kBF16);
  ASSERT_TRUE(ops.allocate(1000).ok());
  const TensorRef parts[] = {TensorRef::contiguous(nullptr, DType::kQ4_0, {4, 64}),
                             TensorRef::contiguous(nullptr, DType::kF16, {2, 64})};
  const auto weight = ops.prepare({parts});
  ASSERT_TRUE(weight.ok());
  EXPECT_EQ(weight->rows, 6);
  EXPECT_EQ(weight->cols, 64);
  EXPECT_EQ(weight->segments.size(), 2U);
  EXPECT_EQ(ops.allocated_bytes(), 1000 + 4 * 36 + 1 + 2 * 128 + 1);

  Arena arena;
  ops.run(Scale{.x = arena.allocate(DType::kF32, {7, 2})});
  ops.run(Scale{.x = arena.allocate(DType::kF32, {3, 2})});
  EXPECT_EQ(ops.workspace_peak(), 7);
  EXPECT_EQ(arena.peak(), 128U);
  EXPECT_TRUE(ops.synchronize().ok());
}

TEST(DryRun, KeepsTheFirstError) {
  const Sizes device;
  DryRunOps ops(device);
  Arena arena;
  const TensorRef x = arena.allocate(DType::kF32, {2, 2});
  ops.run(Add{.a = x, .b = x, .y = arena.allocate(DType::kF32, {2, 3})});
  ops.run(Add{.a = arena.allocate(DType::kF32, {1, 2}), .b = x, .y = x});
  ASSERT_FALSE(ops.synchronize().ok());
  EXPECT_EQ(ops.synchronize().error().message, "Add: y: found [2, 3], wanted [2, 2]");
  const TensorRef f64[] = {TensorRef::contiguous(nullptr, DType::kF64, {2, 2})};
  EXPECT_FALSE(ops.prepare({f64}).ok());
}

}  // namespace
}  // namespace chitu
