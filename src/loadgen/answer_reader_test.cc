#include "loadgen/answer_reader.h"

#include <gmock/gmock.h>

#include <vector>

namespace chitu::loadgen {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

RequestRecord read(const std::vector<std::string_view>& events) {
  RequestRecord record;
  AnswerReader reader(record);
  double now = 1;
  for (const std::string_view event : events) {
    if (!reader.take(event, now++)) break;
  }
  reader.end(now);
  return record;
}

TEST(AnswerReader, ReadsAChat) {
  const RequestRecord record = read({
      R"({"choices":[{"delta":{"role":"assistant","content":""}}]})",
      R"({"choices":[{"delta":{"content":"Hello"},"finish_reason":null}],"usage":null})",
      R"({"choices":[{"delta":{"reasoning_content":"hm"}}]})",
      R"({"choices":[{"delta":{},"finish_reason":"length"}]})",
      R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":5}}})",
      "[DONE]",
  });
  EXPECT_TRUE(record.ok()) << record.failure;
  EXPECT_THAT(record.arrivals, ElementsAre(2, 3));
  EXPECT_EQ(record.prompt_tokens, 7);
  EXPECT_EQ(record.cached_tokens, 5);
  EXPECT_EQ(record.output_tokens, 3);
  EXPECT_EQ(record.finish_reason, "length");
}

TEST(AnswerReader, CountsNoPieceWithoutText) {
  const RequestRecord record = read({
      R"({"choices":[{"delta":{"role":"assistant","content":"","reasoning_content":null,"tool_calls":null}}]})",
      R"({"choices":[{"delta":{"content":"","tool_calls":[]}}]})",
      R"({"choices":[{"delta":{"content":"a","reasoning_content":null,"tool_calls":null}}]})",
      R"({"choices":[{"delta":{"content":null,"tool_calls":null},"finish_reason":"stop"}]})",
      "[DONE]",
  });
  EXPECT_TRUE(record.ok()) << record.failure;
  EXPECT_THAT(record.arrivals, ElementsAre(3));
  EXPECT_EQ(record.output_tokens, 1);
}

TEST(AnswerReader, CountsReasoningAndToolCalls) {
  const RequestRecord record = read({
      R"({"choices":[{"delta":{"reasoning":"hm"}}]})",
      R"({"choices":[{"delta":{"reasoning_content":"hm"}}]})",
      R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}}]})",
      R"({"choices":[{"delta":{},"finish_reason":"tool_calls"}]})",
  });
  EXPECT_TRUE(record.ok()) << record.failure;
  EXPECT_THAT(record.arrivals, ElementsAre(1, 2, 3));
}

TEST(AnswerReader, CountsPiecesWhereTheServerCountsNoTokens) {
  const RequestRecord record =
      read({R"({"choices":[{"text":"a"}]})", R"({"choices":[{"text":"b"}]})",
            R"({"choices":[{"text":"","finish_reason":"stop"}]})"});
  EXPECT_TRUE(record.ok()) << record.failure;
  EXPECT_FALSE(record.usage_came);
  EXPECT_EQ(record.output_tokens, 2);
}

TEST(AnswerReader, NamesWhatIsWrong) {
  EXPECT_EQ(read({"{"}).failure, "malformed stream");
  EXPECT_EQ(read({"[1]"}).failure, "malformed stream");
  EXPECT_EQ(read({R"({"choices":[3]})"}).failure, "malformed stream");
  EXPECT_EQ(read({R"({"choices":[{"text":"a"}]})"}).failure, "closed early");
  EXPECT_EQ(read({}).failure, "closed early");
  EXPECT_EQ(read({"[DONE]"}).failure, "no tokens");
  const RequestRecord record = read({R"({"error":{"message":"out of\nblocks"}})"});
  EXPECT_EQ(record.failure, "error in stream");
  EXPECT_THAT(record.failure_text, HasSubstr("out of\\x0ablocks"));
}

TEST(AnswerReader, SurvivesUsageThatLies) {
  const RequestRecord record = read({
      R"({"choices":[{"text":"a"}],"usage":{"prompt_tokens":-1,"completion_tokens":1e300}})",
      "[DONE]",
  });
  EXPECT_TRUE(record.ok());
  EXPECT_EQ(record.prompt_tokens, 0);
  EXPECT_EQ(record.output_tokens, 0);
}

TEST(AnswerReader, FindsTheMessageOfAnError) {
  EXPECT_THAT(error_text(R"({"error":{"message":"queue full"}})"), HasSubstr("queue full"));
  EXPECT_THAT(error_text(R"({"error":"busy"})"), HasSubstr("busy"));
  EXPECT_THAT(error_text("<html>"), HasSubstr("<html>"));
}

}  // namespace
}  // namespace chitu::loadgen
