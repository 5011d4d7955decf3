#include "ops/philox.h"

#include <gtest/gtest.h>

namespace chitu {
namespace {

// Known answers published with the authors' Random123 library (kat_vectors).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, UniformNumbersFillTheUnitInterval) {
  double sum = 0;
  double least = 1;
  double largest = 0;
  for (uint64_t draw = 0; draw < 100000; ++draw) {
    const double u = uniform(7, draw);
    sum += u;
    least = std::min(least, u);
    largest = std::max(largest, u);
  }
  // Five standard deviations.
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);
  EXPECT_GE(least, 0.0);
  EXPECT_LT(least, 0.001);
  EXPECT_LT(largest, 1.0);
  EXPECT_GT(largest, 0.999);
  EXPECT_NE(uniform(7, 0), uniform(8, 0));
  EXPECT_NE(uniform(7, 0), uniform(7, uint64_t{1} << 32));
}

}  // namespace
}  // namespace chitu
