#include "loadgen/report.h"

#include <gmock/gmock.h>

namespace chitu::loadgen {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Statistics two_requests() {
  const std::vector<RequestRecord> records = {
      {.start = 0,
       .end = 1,
       .arrivals = {0.2, 0.205, 0.305},
       .prompt_tokens = 30,
       .output_tokens = 3,
       .usage_came = true,
       .ended = true},
      {.start = 0, .end = 2, .ended = true, .failure = "HTTP 500", .failure_text = "'oops'"}};
  return compute_statistics(records, ServiceLevel{.ttft = 0.5});
}

TEST(Report, SaysWhatHappened) {
  const std::string text = describe({.concurrency = 4, .statistics = two_requests()});
  EXPECT_THAT(text, HasSubstr("concurrency 4: 1 done, 1 failed in 2.00 s (0.50 requests/s)"));
  EXPECT_THAT(text, HasSubstr("failed: 1 x HTTP 500: 'oops'"));
  EXPECT_THAT(text, HasSubstr("3 tokens out (1.5/s)"));
  EXPECT_THAT(text, HasSubstr("goodput: 1 request within the service level (0.50/s)"));
  EXPECT_THAT(text, HasSubstr("| first token (TTFT)      |    200.00 |"));
}

TEST(Report, OfFailuresAloneHasNoTable) {
  const std::vector<RequestRecord> records = {{.end = 1, .ended = true, .failure = "timeout"}};
  const std::string text = describe({.statistics = compute_statistics(records, std::nullopt)});
  EXPECT_THAT(text, HasSubstr("1 x timeout"));
  EXPECT_THAT(text, Not(HasSubstr("TTFT")));
}

TEST(Report, OfASweepShowsNoTimesWhereNothingWasDone) {
  const std::vector<RequestRecord> records = {{.end = 1, .ended = true, .failure = "timeout"}};
  const std::vector<Level> levels = {
      {.concurrency = 1, .statistics = two_requests()},
      {.concurrency = 2, .statistics = compute_statistics(records, std::nullopt)}};
  const std::string text = describe_sweep(levels);
  EXPECT_THAT(text, HasSubstr("|      200.00 |"));
  EXPECT_THAT(text, HasSubstr("|           2 |       0.00 |          0.0 |           - |"));
}

TEST(Report, DrawsBars) {
  const std::vector<std::pair<std::string, double>> bars = {{"1", 10}, {"16", 40}, {"64", 0}};
  EXPECT_EQ(bar_chart("t", bars, "tok/s", 8),
            "\nt\n   1 ## 10 tok/s\n  16 ######## 40 tok/s\n  64 . 0 tok/s\n");
  EXPECT_EQ(bar_chart("t", {}, "x"), "");
}

TEST(Report, SortsGapsIntoClassesThatDouble) {
  const std::string chart = gap_chart(two_requests());
  EXPECT_THAT(chart, HasSubstr("  up to 8 ms"));
  EXPECT_THAT(chart, HasSubstr("up to 128 ms"));
  EXPECT_THAT(chart, Not(HasSubstr("up to 4 ms")));
}

TEST(Report, HasTheFieldsNamesInJson) {
  const json::Object object = to_json({.concurrency = 4, .statistics = two_requests()});
  EXPECT_EQ(object.at("completed"), 1);
  EXPECT_DOUBLE_EQ(object.at("p50_ttft_ms").as_double(), 200);
  EXPECT_DOUBLE_EQ(object.at("output_throughput").as_double(), 1.5);
  EXPECT_DOUBLE_EQ(object.at("request_goodput").as_double(), 0.5);
  EXPECT_EQ(object.at("failures").at("HTTP 500").at("count"), 1);
}

}  // namespace
}  // namespace chitu::loadgen
