#include "app/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace chitu::app {
namespace {

Conversation example() {
  Conversation conversation;
  conversation.set_system("Be brief.");
  conversation.add("user", "1 + 1?");
  conversation.add("assistant", "2\n\"two\"");
  return conversation;
}

TEST(Conversation, KeepsOneSystemMessageInFront) {
  Conversation conversation = example();
  conversation.set_system("Be long.");
  EXPECT_EQ(conversation.system(), "Be long.");
  EXPECT_EQ(conversation.messages().size(), 3U);
  conversation.reset();
  EXPECT_EQ(conversation.messages().size(), 1U);
  conversation.set_system("");
  EXPECT_TRUE(conversation.empty());
}

TEST(Conversation, TakesAQuestionBack) {
  Conversation conversation = example();
  EXPECT_EQ(conversation.undo(), "1 + 1?");
  EXPECT_EQ(conversation.undo(), "");
  EXPECT_EQ(conversation.system(), "Be brief.");
  conversation.add("user", "without an answer");
  EXPECT_EQ(conversation.undo(), "without an answer");
}

TEST(Conversation, IsTheSameAfterSavingAndLoading) {
  const std::string path = testing::TempDir() + "/conversation.json";
  ASSERT_TRUE(example().save(path).ok());
  const auto loaded = Conversation::load(path);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  ASSERT_EQ(loaded->messages().size(), 3U);
  EXPECT_EQ(loaded->messages()[2].role, "assistant");
  EXPECT_EQ(loaded->messages()[2].content, "2\n\"two\"");
}

TEST(Conversation, RefusesFilesThatAreNone) {
  const std::string path = testing::TempDir() + "/broken.json";
  for (const std::string text :
       {"", "[]", "{}", R"({"messages": [1]})", R"({"messages": [{"role": "user"}]})"}) {
    std::ofstream(path) << text;
    EXPECT_FALSE(Conversation::load(path).ok()) << text;
  }
  EXPECT_FALSE(Conversation::load("/does/not/exist").ok());
  EXPECT_FALSE(example().save("/does/not/exist").ok());
}

}  // namespace
}  // namespace chitu::app
