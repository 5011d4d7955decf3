#include "server/batch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chitu {
namespace {

using ::testing::HasSubstr;

const RequestLimits kLimits{.vocab_size = 10, .max_seq_len = 64};

TEST(BatchFile, ReadsEveryRoute) {
  const auto kind = [](std::string_view url, std::string_view body) {
    const auto line = read_batch_line(
        fmt::format(R"({{"custom_id":"c","method":"POST","url":"{}","body":{}}})", url, body),
        kLimits);
    const auto* read = std::get_if<BatchLine>(&line);
    EXPECT_NE(read, nullptr) << url;
    if (read == nullptr) return -1;
    EXPECT_EQ(read->custom_id, "c");
    return static_cast<int>(read->request.index());
  };
  EXPECT_EQ(kind("/v1/chat/completions", R"({"messages":[{"role":"user","content":"a"}]})"), 0);
  EXPECT_EQ(kind("/v1/completions", R"({"prompt":"a"})"), 1);
  EXPECT_EQ(kind("/v1/embeddings", R"({"input":"a"})"), 2);
}

TEST(BatchFile, NamesWhatIsWrongWithALine) {
  struct Row {
    std::string_view line;
    std::string_view custom_id;
    std::string_view message;
  };
  const std::vector<Row> rows = {
      {"", "", "the body"},
      {"[]", "", "expected a JSON object"},
      {"{}", "", "custom_id: expected a string"},
      {R"({"custom_id":1})", "", "custom_id: expected a string"},
      {R"({"custom_id":"c"})", "c", "method: expected \"POST\""},
      {R"({"custom_id":"c","method":"GET"})", "c", "method: expected \"POST\""},
      {R"({"custom_id":"c","method":"POST"})", "c", "url: expected"},
      {R"({"custom_id":"c","method":"POST","url":"/stop","body":{}})", "c", "url: expected"},
      {R"({"custom_id":"c","method":"POST","url":"/v1/completions"})", "c", "body: expected"},
      {R"({"custom_id":"c","method":"POST","url":"/v1/completions","body":[]})", "c",
       "body: expected an object"},
      {R"({"custom_id":"c","method":"POST","url":"/v1/completions","body":{"prompt":"a","n":0}})",
       "c", "n: expected"},
      {R"({"custom_id":"c","method":"POST","url":"/v1/completions",)"
       R"("body":{"prompt":"a","stream":true}})",
       "c", "not streamed"},
  };
  for (const Row& row : rows) {
    const auto line = read_batch_line(row.line, kLimits);
    const auto* error = std::get_if<BatchLineError>(&line);
    ASSERT_NE(error, nullptr) << row.line;
    EXPECT_EQ(error->custom_id, row.custom_id) << row.line;
    EXPECT_EQ(error->error.status, 400);
    EXPECT_THAT(error->error.message, HasSubstr(row.message)) << row.line;
  }
}

TEST(BatchFile, WritesLines) {
  EXPECT_EQ(batch_answer_line(3, "a\"b", R"({"x":1})"),
            R"({"id":"batch_req_3","custom_id":"a\"b","response":{"status_code":200,)"
            R"("request_id":"req_3","body":{"x":1}},"error":null})");
  EXPECT_EQ(
      batch_error_line(4, "", invalid_value("n", "too large")),
      R"({"id":"batch_req_4","custom_id":null,"response":{"status_code":400,)"
      R"("request_id":"req_4","body":{"error":{"message":"n: too large",)"
      R"("type":"invalid_request_error","param":"n","code":"invalid_value"}}},"error":null})");
}

}  // namespace
}  // namespace chitu
