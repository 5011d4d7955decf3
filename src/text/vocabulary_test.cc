#include "text/vocabulary.h"

#include <gtest/gtest.h>

namespace chitu {
namespace {

TEST(Vocabulary, FindsBothWaysWhileItGrows) {
  Vocabulary vocabulary;
  for (int id = 0; id < 5000; ++id) {
    ASSERT_TRUE(vocabulary.add(fmt::format("token {}", id), id).ok());
  }
  for (int id = 0; id < 5000; ++id) {
    const std::string token = fmt::format("token {}", id);
    EXPECT_EQ(vocabulary.find(token), id);
    EXPECT_EQ(vocabulary.token(id), token);
  }
  EXPECT_EQ(vocabulary.find("token"), Vocabulary::kNone);
  EXPECT_EQ(vocabulary.size(), 5000);
}

TEST(Vocabulary, AllowsGapsAndEmptyTokens) {
  Vocabulary vocabulary;
  ASSERT_TRUE(vocabulary.add("a", 7).ok());
  ASSERT_TRUE(vocabulary.add("", 3).ok());
  EXPECT_EQ(vocabulary.size(), 8);
  EXPECT_EQ(vocabulary.count(), 2u);
  EXPECT_TRUE(vocabulary.has(3));
  EXPECT_FALSE(vocabulary.has(4));
  EXPECT_EQ(vocabulary.find(""), 3);
  EXPECT_EQ(vocabulary.token(4), "");
  EXPECT_EQ(vocabulary.token(-1), "");
  EXPECT_EQ(vocabulary.token(1 << 30), "");
}

TEST(Vocabulary, KeepsTheFirstIdOfATokenGivenTwice) {
  Vocabulary vocabulary;
  ASSERT_TRUE(vocabulary.add("a", 1).ok());
  ASSERT_TRUE(vocabulary.add("a", 2).ok());
  EXPECT_EQ(vocabulary.find("a"), 1);
  EXPECT_EQ(vocabulary.token(2), "a");
}

TEST(Vocabulary, RefusesWhatWouldBreakIt) {
  Vocabulary vocabulary;
  ASSERT_TRUE(vocabulary.add("a", 0).ok());
  EXPECT_FALSE(vocabulary.add("b", 0).ok());
  EXPECT_FALSE(vocabulary.add("b", -1).ok());
  EXPECT_FALSE(vocabulary.add("b", INT32_MAX).ok());
  EXPECT_FALSE(vocabulary.add("b", INT64_MAX).ok());
  EXPECT_FALSE(vocabulary.add(std::string(kMaxTokenBytes + 1, 'x'), 1).ok());
  EXPECT_FALSE(vocabulary.add("\xFF", 1).ok());
  EXPECT_EQ(vocabulary.size(), 1);
}

TEST(Vocabulary, RefusesTooManyTokens) {
  Vocabulary vocabulary;
  for (size_t id = 0; id < kMaxTokens; ++id) {
    ASSERT_TRUE(vocabulary.add("a", static_cast<int64_t>(id)).ok());
  }
  const Status status = vocabulary.add("a", static_cast<int64_t>(kMaxTokens));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace chitu
