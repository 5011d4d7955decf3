#include "backend/cuda/linear_table.h"

#include <gtest/gtest.h>

#include "backend/cuda/weight_layout.h"

namespace chitu::cuda {
namespace {

constexpr DType kActivations[] = {DType::kF32, DType::kF16, DType::kBF16};
constexpr DType kWeights[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kF8_G128};

TEST(LinearTable, EveryChipHasAKernelForEveryWeight) {
  for (const int sm : {75, 80, 86, 89, 90, 100, 120}) {
    for (const DType activations : kActivations) {
      for (const DType weights : kWeights) {
        const DType stored = stored_format(weights, activations);
        const LinearKernel& kernel = find_linear_kernel(sm, activations, stored);
        EXPECT_EQ(kernel.activations, activations);
        EXPECT_EQ(kernel.weights, stored);
        EXPECT_LE(kernel.min_sm, sm) << kernel.name;
        EXPECT_GT(kernel.max_tokens, 0) << kernel.name;
        EXPECT_NE(kernel.launch, nullptr) << kernel.name;
      }
    }
  }
}

TEST(LinearTable, MatrixUnitsAreTakenWhereThereAreAny) {
  EXPECT_EQ(find_linear_kernel(90, DType::kBF16, DType::kBF16).name, "skinny bf16 x bf16");
  EXPECT_EQ(find_linear_kernel(80, DType::kF16, DType::kF8_G128).name, "skinny f16 x f8");
  EXPECT_EQ(find_linear_kernel(75, DType::kF16, DType::kF16).name, "plain f16 x f16");
  EXPECT_EQ(find_linear_kernel(90, DType::kF32, DType::kBF16).name, "plain f32 x bf16");
}

}  // namespace
}  // namespace chitu::cuda
