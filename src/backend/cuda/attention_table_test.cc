#include "backend/cuda/attention_table.h"

#include <gtest/gtest.h>

#include <string>

namespace chitu::cuda {
namespace {

struct Types {
  DType activations;
  DType cache;
};

AttentionArgs args_of(const Types& types, int head_dim) {
  AttentionArgs args;
  args.q_dtype = args.out_dtype = types.activations;
  args.k_dtype = args.v_dtype = types.cache;
  args.head_dim = head_dim;
  args.q_stride = int64_t{8} * head_dim;
  return args;
}

std::string found(const Types& types, int head_dim, int sm) {
  const AttentionKernel* kernel = find_attention_kernel(args_of(types, head_dim), sm);
  return kernel == nullptr ? "" : std::string(kernel->name);
}

constexpr Types kBf16{DType::kBF16, DType::kBF16};
constexpr Types kF16{DType::kF16, DType::kF16};

TEST(AttentionTable, EveryChipHasAKernelForAllFloats) {
  constexpr DType kFloats[] = {DType::kF32, DType::kF16, DType::kBF16};
  for (const int sm : {75, 80, 86, 89, 90, 100, 120}) {
    for (const DType activations : kFloats) {
      for (const DType cache : kFloats) {
        for (const int head_dim : {1, 20, 64, 80, 128, 256})
          EXPECT_NE(found({activations, cache}, head_dim, sm), "");
      }
    }
  }
  EXPECT_EQ(found(kBf16, 257, 90), "");
}

TEST(AttentionTable, MatrixInstructionsAreTakenWhereThereAreAny) {
  EXPECT_EQ(found(kBf16, 128, 90), "mma_bf16");
  EXPECT_EQ(found(kF16, 64, 80), "mma_f16");
  EXPECT_EQ(found(kBf16, 80, 86), "mma_bf16");
  EXPECT_EQ(found(kF16, 64, 75), "plain");
  EXPECT_EQ(found(kBf16, 20, 90), "plain");
  EXPECT_EQ(found({DType::kBF16, DType::kF16}, 128, 90), "plain");
  EXPECT_EQ(found({DType::kF32, DType::kF32}, 128, 90), "plain");
}

// Two queries' values are read at a time.
TEST(AttentionTable, QueriesAtOddPlacesGoToThePlainKernel) {
  AttentionArgs args = args_of(kBf16, 64);
  args.q_stride += 1;
  EXPECT_EQ(find_attention_kernel(args, 90)->name, "plain");
}

}  // namespace
}  // namespace chitu::cuda
