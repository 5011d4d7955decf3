#include "backend/cpu/isa.h"

#include <gtest/gtest.h>

namespace chitu::cpu {
namespace {

TEST(Isa, IncludesTheEarlierOfItsFamilyAlone) {
  EXPECT_TRUE(includes(Isa::kAvx2, Isa::kAvx2));
  EXPECT_TRUE(includes(Isa::kAmx, Isa::kAvx2));
  EXPECT_FALSE(includes(Isa::kAvx2, Isa::kAvx512));
  EXPECT_TRUE(includes(Isa::kNeonDot, Isa::kNeon));
  EXPECT_FALSE(includes(Isa::kNeon, Isa::kNeonDot));
  EXPECT_FALSE(includes(Isa::kAmx, Isa::kNeon));
  EXPECT_FALSE(includes(Isa::kNeonDot, Isa::kAvx2));
  for (const Isa best : {Isa::kScalar, Isa::kNeonDot, Isa::kAmx}) {
    EXPECT_TRUE(includes(best, Isa::kScalar));
    EXPECT_EQ(includes(Isa::kScalar, best), best == Isa::kScalar);
  }
}

TEST(Isa, HasATitleForWhatItComputesWith) {
  EXPECT_EQ(title(Isa::kScalar), "scalar");
  EXPECT_EQ(title(Isa::kAvx512Bf16), "AVX-512 VNNI BF16");
  EXPECT_EQ(title(float_part(Isa::kAmx)), "AVX-512");
  EXPECT_EQ(title(float_part(Isa::kAvx2)), "AVX2");
  EXPECT_EQ(title(float_part(Isa::kNeonDot)), "NEON");
  EXPECT_EQ(float_part(Isa::kScalar), Isa::kScalar);
}

}  // namespace
}  // namespace chitu::cpu
