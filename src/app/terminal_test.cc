#include "app/terminal.h"

#include <gtest/gtest.h>

namespace chitu::app {
namespace {

TEST(DescribeProgress, SuitsTheUnitToTheTotal) {
  constexpr auto kBytes = ProgressBar::Unit::kBytes;
  EXPECT_EQ(describe_progress(kBytes, 1'000'000, 98'000'000, 0.5), "1.0 of 98.0 MB, 2.0 MB/s");
  EXPECT_EQ(describe_progress(kBytes, 1'000'000'000, 4'100'000'000, 2),
            "1.00 of 4.10 GB, 0.50 GB/s");
  EXPECT_EQ(describe_progress(ProgressBar::Unit::kItems, 3, 12, 1), "3 of 12");
}

}  // namespace
}  // namespace chitu::app
