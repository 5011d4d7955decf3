#include "server/messages.h"

#include <gtest/gtest.h>

namespace chitu {
namespace {

// What read_messages() makes of a JSON array, or the error's message.
std::string read(std::string_view text) {
  const auto messages = read_messages(json::parse(text).value().get_array());
  return messages.ok() ? boost::json::serialize(*messages) : messages.error().message;
}

TEST(ReadMessages, JoinsPartsAndKeepsOtherFields) {
  EXPECT_EQ(read(R"([{"role":"user","name":"Ada","content":[{"type":"text","text":"a"},)"
                 R"({"type":"text","text":"b"}]}])"),
            R"([{"role":"user","name":"Ada","content":"a\nb"}])");
  const std::string call = R"([{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}])";
  EXPECT_EQ(read(call), call);
}

TEST(ReadMessages, NamesTheMessageAndTheField) {
  EXPECT_EQ(read("[]"), "messages: expected at least one");
  EXPECT_EQ(read(R"([{"role":"user","content":"a"},{"role":5,"content":"a"}])"),
            "messages[1]: role: expected a string, found 5");
  EXPECT_EQ(read(R"([{"role":"user","content":[{"type":"image_url"}]}])"),
            "messages[0]: content: a part of type 'image_url', only \"text\" is read");
}

}  // namespace
}  // namespace chitu
