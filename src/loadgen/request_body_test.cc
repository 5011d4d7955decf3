#include "loadgen/request_body.h"

#include <gtest/gtest.h>

#include "io/json.h"

namespace chitu::loadgen {
namespace {

TEST(RequestBody, IsAChatWithUsageAtItsEnd) {
  const auto body = json::parse(
      request_body({.text = "a \"b\"\n", .max_tokens = 5}, {.model = "m", .temperature = 0.5}));
  ASSERT_TRUE(body.ok());
  const auto expected = json::parse(
      R"({"model":"m","max_tokens":5,"temperature":0.5,"stream":true,
          "stream_options":{"include_usage":true},"messages":[{"role":"user","content":"a \"b\"\n"}]})");
  EXPECT_EQ(*body, *expected);
}

TEST(RequestBody, IsACompletion) {
  const auto body =
      json::parse(request_body({.text = "x", .max_tokens = 1},
                               {.api = Api::kCompletions, .model = "m", .ignore_eos = true}));
  ASSERT_TRUE(body.ok());
  const auto expected = json::parse(
      R"({"model":"m","max_tokens":1,"temperature":0.0,"stream":true,
          "stream_options":{"include_usage":true},"ignore_eos":true,"prompt":"x"})");
  EXPECT_EQ(*body, *expected);
  EXPECT_EQ(target_of(Api::kCompletions), "/v1/completions");
}

}  // namespace
}  // namespace chitu::loadgen
