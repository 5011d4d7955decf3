#include "base/quote.h"

#include <gtest/gtest.h>

namespace chitu {
namespace {

TEST(Quote, MakesAnyTextSafeForOneLine) {
  EXPECT_EQ(quote("model.norm"), "'model.norm'");
  EXPECT_EQ(quote(""), "''");
  EXPECT_EQ(quote(std::string_view("a\n\x1b[2J\0\x7f\xff", 9)), R"('a\x0a\x1b[2J\x00\x7f\xff')");
  EXPECT_EQ(quote("abcd", 4), "'abcd'");
  EXPECT_EQ(quote("abcde", 4), "'abcd...'");
}

}  // namespace
}  // namespace chitu
