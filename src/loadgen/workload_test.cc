#include "loadgen/workload.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

namespace chitu::loadgen {
namespace {

using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::HasSubstr;

int64_t words(const std::string& text) { return std::count(text.begin(), text.end(), ' ') + 1; }

TEST(RandomPrompts, HaveTheLengthsAskedFor) {
  for (const Prompt& prompt : random_prompts(20, {.input_len = 30, .output_len = 7}, 1)) {
    EXPECT_EQ(words(prompt.text), 30);
    EXPECT_EQ(prompt.max_tokens, 7);
  }
  int64_t least = 1000;
  int64_t most = 0;
  const RandomPrompts wide{.input_len = 100, .output_len = 50, .range_ratio = 0.5};
  for (const Prompt& prompt : random_prompts(2000, wide, 1)) {
    least = std::min(least, words(prompt.text));
    most = std::max(most, words(prompt.text));
    EXPECT_GE(prompt.max_tokens, 25);
    EXPECT_LE(prompt.max_tokens, 75);
  }
  EXPECT_EQ(least, 50);
  EXPECT_EQ(most, 150);
  for (const Prompt& prompt :
       random_prompts(50, {.input_len = 1, .output_len = 1, .range_ratio = 1}, 1)) {
    EXPECT_GE(words(prompt.text), 1);
    EXPECT_GE(prompt.max_tokens, 1);
  }
}

TEST(RandomPrompts, ShareOnlyTheirPrefix) {
  const auto prompts = random_prompts(2, {.input_len = 40, .prefix_len = 10}, 3);
  const std::string& a = prompts[0].text;
  const std::string& b = prompts[1].text;
  const auto differ = std::mismatch(a.begin(), a.end(), b.begin()).first;
  EXPECT_GE(words(std::string(a.begin(), differ)), 10);
  EXPECT_LT(words(std::string(a.begin(), differ)), 20);
  EXPECT_EQ(words(a), 50);
}

TEST(RandomPrompts, AreThoseOfTheSeed) {
  EXPECT_EQ(random_prompts(3, {}, 5)[2].text, random_prompts(3, {}, 5)[2].text);
  EXPECT_NE(random_prompts(3, {}, 5)[2].text, random_prompts(3, {}, 6)[2].text);
}

// Mean and squared coefficient of variation of the times between.
std::pair<double, double> moments(const std::vector<double>& times) {
  const auto n = static_cast<double>(times.size() - 1);
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 1; i < times.size(); ++i) {
    const double gap = times[i] - times[i - 1];
    sum += gap;
    squares += gap * gap;
  }
  const double mean = sum / n;
  return {mean, (squares / n - mean * mean) / (mean * mean)};
}

TEST(ArrivalTimes, HaveTheRateAndTheBurstiness) {
  // A gamma distribution's squared coefficient of variation is 1 / shape.
  for (const double burstiness : {0.25, 1.0, 4.0}) {
    const auto times = arrival_times(100'000, 20, burstiness, 1);
    EXPECT_EQ(times.front(), 0);
    EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
    const auto [mean, variation] = moments(times);
    EXPECT_THAT(mean, DoubleNear(0.05, 0.001)) << burstiness;
    EXPECT_THAT(variation * burstiness, DoubleNear(1, 0.05)) << burstiness;
  }
}

TEST(ArrivalTimes, OfAPoissonProcessAreExponential) {
  const auto times = arrival_times(100'000, 1, 1, 2);
  int64_t longer = 0;
  for (std::size_t i = 1; i < times.size(); ++i) longer += times[i] - times[i - 1] > 1 ? 1 : 0;
  EXPECT_THAT(static_cast<double>(longer) / 1e5, DoubleNear(std::exp(-1), 0.01));
}

TEST(ArrivalTimes, AreThoseOfTheSeedAndAllAtOnceWithoutARate) {
  EXPECT_EQ(arrival_times(50, 3, 1, 9), arrival_times(50, 3, 1, 9));
  EXPECT_NE(arrival_times(50, 3, 1, 9), arrival_times(50, 3, 1, 10));
  EXPECT_THAT(arrival_times(4, HUGE_VAL, 1, 9), Each(0.0));
}

TEST(Draw, GoesOnWhereItEnded) {
  std::vector<Prompt> pool;
  for (int i = 0; i < 10; ++i) pool.push_back({.text = std::to_string(i), .max_tokens = 1});
  std::set<std::string> texts;
  for (const int64_t first : {0, 4, 8}) {
    for (const Prompt& prompt : draw(pool, first, first < 8 ? 4 : 2, std::nullopt, 3)) {
      EXPECT_TRUE(texts.insert(prompt.text).second) << prompt.text;
    }
  }
  EXPECT_EQ(draw(pool, 10, 1, std::nullopt, 3)[0].text, draw(pool, 0, 1, std::nullopt, 3)[0].text);
}

class ShareGpt : public ::testing::Test {
 protected:
  ~ShareGpt() override { std::filesystem::remove(path_); }
  Result<std::vector<Prompt>> read(std::string_view text) {
    std::ofstream(path_) << text;
    return read_sharegpt(path_);
  }
  std::filesystem::path path_ =
      std::filesystem::path(::testing::TempDir()) / "chitu_loadgen_sharegpt.json";
};

TEST_F(ShareGpt, TakesTheFirstTwoTurns) {
  const auto prompts = read(R"([
    {"id": "1", "conversations": [{"from": "human", "value": "Why is the sky blue?"},
                                  {"from": "gpt", "value": "Because of Rayleigh scattering."}]},
    {"id": "2", "conversations": [{"from": "human", "value": "alone, which will not do"}]},
    {"id": "3", "conversations": [{"from": "human", "value": "short"}, {"from": "gpt", "value": "x"}]},
    {"id": "4", "conversations": [7, 8]}, {"id": "5"}, 6
  ])");
  ASSERT_TRUE(prompts.ok()) << prompts.error().message;
  ASSERT_EQ(prompts->size(), 1U);
  EXPECT_EQ(prompts->front().text, "Why is the sky blue?");
  EXPECT_EQ(prompts->front().max_tokens, 8);  // 31 bytes

  const auto drawn = draw(*prompts, 0, 3, std::nullopt, 1);
  EXPECT_EQ(drawn.size(), 3U);
  EXPECT_EQ(drawn[2].max_tokens, 8);
  EXPECT_EQ(draw(*prompts, 0, 1, 5, 1)[0].max_tokens, 5);
}

TEST_F(ShareGpt, NamesTheFileThatWillNotDo) {
  for (const char* wrong : {"{}", "[]", "[", "[{\"conversations\": []}]"}) {
    const auto prompts = read(wrong);
    ASSERT_FALSE(prompts.ok()) << wrong;
    EXPECT_THAT(prompts.error().message, HasSubstr("chitu_loadgen_sharegpt.json")) << wrong;
  }
  EXPECT_FALSE(read_sharegpt("/nonexistent/file.json").ok());
}

}  // namespace
}  // namespace chitu::loadgen
