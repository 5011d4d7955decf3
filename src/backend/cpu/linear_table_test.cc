#include "backend/cpu/linear_table.h"

#include <gtest/gtest.h>

#include <bit>
#include <set>

namespace chitu::cpu {
namespace {

// What is planned before a weight is loaded, and how panels are cut, is true of every row.
TEST(LinearTable, RowsKeepToTheirLimits) {
  std::set<std::string> names;
  for (int i = 0; i < num_linear_kernels(); ++i) {
    const LinearKernel& kernel = linear_kernel(i);
    SCOPED_TRACE(name(kernel));
    EXPECT_GE(kernel.scratch_rows, 0);
    EXPECT_LE(kernel.scratch_rows, kMaxScratchRows);
    EXPECT_EQ(kernel.panel != 0, kernel.input == LinearInput::kQuantized);
    EXPECT_TRUE(kernel.panel == 0 || std::has_single_bit(static_cast<unsigned>(kernel.panel)));
    EXPECT_TRUE(names.insert(name(kernel)).second) << "there are two";
  }
}

// Segments of one weight, whatever their formats, read their activations in the same panels.
TEST(LinearTable, KernelsOfOneMachineShareTheirPanels) {
  for (const Isa isa : {Isa::kScalar, Isa::kNeon, Isa::kNeonDot, Isa::kAvx2, Isa::kAvx512,
                        Isa::kAvx512Vnni, Isa::kAvx512Bf16, Isa::kAmx}) {
    int panel = 0;
    for (int format = 0; format < kNumDTypes; ++format) {
      const int found = find_linear_kernel(static_cast<DType>(format), Arithmetic::kFast, isa);
      if (found == kNoKernel || linear_kernel(found).panel == 0) continue;
      if (panel == 0) panel = linear_kernel(found).panel;
      EXPECT_EQ(linear_kernel(found).panel, panel) << name(linear_kernel(found));
    }
    EXPECT_GT(panel, 0);
  }
}

}  // namespace
}  // namespace chitu::cpu
