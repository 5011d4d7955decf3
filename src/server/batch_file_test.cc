#include "server/batch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/api_result.h"

namespace chitu {
namespace {

using ::testing::HasSubstr;

const RequestLimits kLimits{.vocab_size = 10, .max_seq_len = 64};

TEST(BatchFile, ReadsALine) {
  for (const char* url : {"/v1/chat/completions", "/v1/completions", "/v1/embeddings"}) {
    const auto line = read_batch_line(
        fmt::format(R"({{"custom_id":"c","method":"POST","url":"{}","body":{{"prompt":"é"}}}})",
                    url),
        kLimits);
    const auto* read = std::get_if<BatchLine>(&line);
    ASSERT_NE(read, nullptr) << url;
    EXPECT_EQ(read->custom_id, "c");
    EXPECT_EQ(read->url, url);
    EXPECT_EQ(read->body, R"({"prompt":"é"})");
  }
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
      {R"({"custom_id":"c"})", "c", "method: expected POST"},
      {R"({"custom_id":"c","method":"GET"})", "c", "method: expected POST"},
      {R"({"custom_id":"c","method":1})", "c", "method: expected POST"},
      {R"({"custom_id":"c","method":"POST"})", "c", "url: expected /v1/chat/completions or "},
      {R"({"custom_id":"c","method":"POST","url":"/stop","body":{}})", "c", "url: expected"},
      {R"({"custom_id":"c","method":"POST","url":"/v1/completions"})", "c", "body: expected"},
      {R"({"custom_id":"c","method":"POST","url":"/v1/completions","body":[]})", "c",
       "body: expected an object"},
      {R"({"custom_id":"c","method":"POST","url":"/v1/completions","body":{"stream":1}})", "c",
       "body.stream: expected true or false"},
      {R"({"custom_id":"c","method":"POST","url":"/v1/completions","body":{"stream":true}})", "c",
       "body.stream: the answers of a batch are not streamed"},
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
  HttpResponse answer;
  answer.body = R"({"x":1})";
  EXPECT_EQ(batch_output_line(3, "a\"b", answer),
            R"({"id":"batch_req_3","custom_id":"a\"b","response":{"status_code":200,)"
            R"("request_id":"req_3","body":{"x":1}},"error":null})");
  EXPECT_EQ(
      batch_output_line(4, "", error_response(invalid_value("n", "too large"))),
      R"({"id":"batch_req_4","custom_id":null,"response":{"status_code":400,)"
      R"("request_id":"req_4","body":{"error":{"message":"n: too large",)"
      R"("type":"invalid_request_error","param":"n","code":"invalid_value"}}},"error":null})");
}

}  // namespace
}  // namespace chitu
