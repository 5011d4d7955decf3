#include "app/bench_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/bench_report.h"
#include "app/commands.h"
#include "app/json_output.h"

namespace chitu::app {
namespace {

using testing::HasSubstr;

Result<BenchPlan> plan(std::vector<const char*> words, const Settings& settings = {}) {
  const auto args = Args::parse(words, kBenchCommand.options);
  EXPECT_TRUE(args.ok());
  return read_bench_plan(*args, settings);
}

Settings with(std::string_view key, std::string_view value) {
  Settings settings;
  EXPECT_TRUE(settings.set(key, value).ok());
  return settings;
}

TEST(BenchPlan, RefusesMoreAtOnceThanTheSettingAllows) {
  const Settings settings = with("infer.max_reqs", "3");
  EXPECT_TRUE(plan({"-b", "1,3"}, settings).ok());
  EXPECT_THAT(plan({"-n", "0", "-b", "2,32"}, settings).error().message,
              HasSubstr("--batch 32: infer.max_reqs=3, so 3 at most"));
}

TEST(BenchPlan, NamesTheLargestLengthThatWorks) {
  const Settings settings = with("infer.max_seq_len", "100");
  EXPECT_TRUE(plan({"-p", "99", "-n", "98"}, settings).ok());
  EXPECT_THAT(plan({"-p", "100"}, settings).error().message,
              HasSubstr("--prompt-tokens 100: infer.max_seq_len=100, so 99 at most"));
  EXPECT_THAT(plan({"-p", "0", "-n", "99"}, settings).error().message,
              HasSubstr("--decode-tokens 99: infer.max_seq_len=100, so 98 at most"));
  EXPECT_THAT(plan({"-p", "0", "-n", "9", "-d", "200"}, settings).error().message,
              HasSubstr("--depth 200: infer.max_seq_len=100, so 90 at most"));
  EXPECT_TRUE(plan({"-p", "0", "-n", "9", "-d", "90"}, settings).ok());
}

TEST(BenchPlan, SizesTheCacheByTheLongestCase) {
  const auto longest = plan({"-p", "8,300", "-n", "9", "-d", "1,200"})->longest();
  EXPECT_EQ(longest.name(), "pp300");
  EXPECT_EQ(longest.tokens(), 301);
}

TEST(BenchReport, WritesNumbersAsPeopleDo) {
  EXPECT_EQ(plain_json(json::Object{{"a\"", json::Array{2083.5, 1e-3, 3, true, nullptr, "x"}}}),
            R"({"a\"":[2083.5,0.001,3,true,null,"x"]})");
}

TEST(BenchReport, KeepsTheRunsInOrder) {
  const BenchTiming timing{.what = {}, .speeds = {3, 1, 2, 10}};
  EXPECT_EQ(timing.median(), 2.5);
  EXPECT_EQ(timing.least(), 1);
  EXPECT_EQ(timing.most(), 10);
}

}  // namespace
}  // namespace chitu::app
