#include "base/counted.h"

#include <gtest/gtest.h>

namespace chitu {
namespace {

TEST(Counted, OneIsSingular) {
  EXPECT_EQ(counted(0, "token"), "0 tokens");
  EXPECT_EQ(counted(1U, "token"), "1 token");
  EXPECT_EQ(counted(int64_t{2}, "NUMA node"), "2 NUMA nodes");
}

}  // namespace
}  // namespace chitu
