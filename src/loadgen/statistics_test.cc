#include "loadgen/statistics.h"

#include <gmock/gmock.h>

#include <numeric>

namespace chitu::loadgen {
namespace {

using ::testing::DoubleNear;

TEST(Percentile, LiesBetweenTheNearestRanks) {
  const std::vector<double> values = {1, 2, 4, 8};
  EXPECT_EQ(percentile(values, 0), 1);
  EXPECT_EQ(percentile(values, 50), 3);
  EXPECT_EQ(percentile(values, 100), 8);
  EXPECT_THAT(percentile(values, 90), DoubleNear(6.8, 1e-12));  // numpy.percentile
  EXPECT_THAT(percentile(values, 99), DoubleNear(7.88, 1e-12));
  EXPECT_EQ(percentile(std::vector<double>{5}, 99), 5);
}

TEST(Summary, IsOfAnyOrder) {
  std::vector<double> values(101);
  std::iota(values.rbegin(), values.rend(), 0.0);
  const Summary summary = summarize(values);
  EXPECT_EQ(summary.count, 101);
  EXPECT_EQ(summary.mean, 50);
  EXPECT_EQ(summary.p50, 50);
  EXPECT_EQ(summary.p90, 90);
  EXPECT_EQ(summary.p99, 99);
  EXPECT_EQ(summary.most, 100);
  EXPECT_EQ(summarize({}).count, 0);
}

TEST(ServiceLevel, IsReadInMilliseconds) {
  const auto level = ServiceLevel::parse("ttft:500, tpot:50.5");
  ASSERT_TRUE(level.ok());
  EXPECT_EQ(level->ttft, 0.5);
  EXPECT_EQ(level->tpot, 0.0505);
  EXPECT_FALSE(level->e2e.has_value());
  EXPECT_EQ(ServiceLevel::parse("e2e:9000")->e2e, 9);
  EXPECT_EQ(ServiceLevel::parse("e2el:9000")->e2e, 9);  // as vLLM calls it
  for (const char* wrong : {"", " ", "ttft", "ttft:", "ttft:x", "ttft:-1", "ttft:0", "ttft:nan",
                            "ttft:inf", "itl:5", ":5", "ttft:5s"}) {
    EXPECT_FALSE(ServiceLevel::parse(wrong).ok()) << wrong;
  }
}

RequestRecord record(double start, std::vector<double> arrivals, int64_t tokens) {
  const double end = arrivals.back();
  return {.start = start,
          .end = end,
          .arrivals = std::move(arrivals),
          .prompt_tokens = 10,
          .output_tokens = tokens,
          .usage_came = true,
          .ended = true};
}

TEST(Statistics, AreOfWhatWasCompleted) {
  // Two tokens came in one piece in the first.
  std::vector<RequestRecord> records = {record(1, {2, 3, 4}, 4), record(2, {2.5}, 1)};
  records.push_back(
      {.start = 0.5, .end = 6, .ended = true, .failure = "HTTP 429", .failure_text = "full"});
  records.push_back(
      {.start = 0.1, .end = 6.5, .ended = true, .failure = "HTTP 429", .failure_text = "b"});
  records.push_back({.start = 0});
  const Statistics s = compute_statistics(records, ServiceLevel{.ttft = 0.6});
  EXPECT_EQ(s.completed, 2);
  EXPECT_EQ(s.failed, 2);
  EXPECT_EQ(s.unfinished, 1);
  EXPECT_EQ(s.failures.at("HTTP 429").count, 2);
  EXPECT_EQ(s.failures.at("HTTP 429").example, "full");
  EXPECT_DOUBLE_EQ(s.seconds, 6.4);
  EXPECT_EQ(s.prompt_tokens, 20);
  EXPECT_EQ(s.output_tokens, 5);
  EXPECT_DOUBLE_EQ(s.ttft.mean, 0.75);
  EXPECT_EQ(s.tpot.count, 1);
  EXPECT_DOUBLE_EQ(s.tpot.mean, 2.0 / 3);
  EXPECT_EQ(s.itl.count, 2);
  EXPECT_DOUBLE_EQ(s.itl.most, 1);
  EXPECT_DOUBLE_EQ(s.e2e.most, 3);
  EXPECT_EQ(s.good, 1);
}

TEST(Statistics, OfNothingAreNothing) {
  const Statistics s = compute_statistics({}, std::nullopt);
  EXPECT_EQ(s.completed, 0);
  EXPECT_EQ(s.per_second(5), 0);
  EXPECT_FALSE(s.good.has_value());
}

}  // namespace
}  // namespace chitu::loadgen
