#include "tensor/format/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tensor/format/bf16.h"

namespace chitu {
namespace {

// The value that the bits stand for, by the definition of the format.
double half_value(uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f;
  const int mantissa = bits & 0x3ff;
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  if (exponent == 31) {
    return mantissa == 0 ? sign * std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  }
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(Half, EveryValueWidensExactlyAndComesBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = half_to_float(half);
    const double expected = half_value(half);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      ASSERT_EQ(float_to_half(value), half | 0x200) << bits;  // quiet, payload kept
    } else {
      ASSERT_EQ(value, expected) << bits;
      ASSERT_EQ(std::signbit(value), (half & 0x8000) != 0) << bits;
      ASSERT_EQ(float_to_half(value), half) << bits;
    }
  }
}

// Around every boundary between two neighbours: below rounds down, above up, a tie to even.
TEST(Half, RoundsToNearestEven) {
  for (uint16_t low = 0; low < 0x7bff; ++low) {
    const float middle = static_cast<float>((half_value(low) + half_value(low + 1)) / 2);
    const uint16_t even = low % 2 == 0 ? low : low + 1;
    ASSERT_EQ(float_to_half(middle), even) << low;
    ASSERT_EQ(float_to_half(-middle), even | 0x8000) << low;
    ASSERT_EQ(float_to_half(std::nextafter(middle, 0.0f)), low);
    ASSERT_EQ(float_to_half(std::nextafter(middle, 1e9f)), low + 1);
  }
  EXPECT_EQ(float_to_half(65519.996f), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_half(1e30f), 0x7c00);
  EXPECT_EQ(float_to_half(-1e30f), 0xfc00);
  EXPECT_EQ(float_to_half(0x1p-25f), 0);
  EXPECT_EQ(float_to_half(0x1.8p-25f), 1);
  EXPECT_EQ(float_to_half(1e-40f), 0);
}

TEST(Bf16, IsTheUpperHalfOfAFloat) {
  EXPECT_EQ(bf16_to_float(0x3f80), 1.0f);
  EXPECT_EQ(bf16_to_float(0xc049), -3.140625f);
  EXPECT_EQ(bf16_to_float(0x0001), 0x1p-133f);
  EXPECT_TRUE(std::isinf(bf16_to_float(0x7f80)));
  EXPECT_TRUE(std::isnan(bf16_to_float(0xffc1)));
}

TEST(Bf16, RoundsToNearestEven) {
  EXPECT_EQ(float_to_bf16(1.0f), 0x3f80);
  EXPECT_EQ(float_to_bf16(0x1.01p0f), 0x3f80);        // a tie: down to even
  EXPECT_EQ(float_to_bf16(0x1.03p0f), 0x3f82);        // a tie: up to even
  EXPECT_EQ(float_to_bf16(0x1.010002p0f), 0x3f81);    // above the tie
  EXPECT_EQ(float_to_bf16(-0x1.ffp0f), 0xc000);       // the carry reaches the exponent
  EXPECT_EQ(float_to_bf16(0x1.fffffep127f), 0x7f80);  // and infinity
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x7f800001u)), 0x7fc0);  // NaN stays NaN
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0xffff1234u)), 0xffff);
}

}  // namespace
}  // namespace chitu
