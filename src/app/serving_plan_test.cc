#include "app/serving_plan.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

namespace chitu::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Option kOptions[] = {
    {.name = "--base-url", .value = "V"},
    {.name = "--model", .value = "V"},
    {.name = "--endpoint", .value = "V"},
    {.name = "--api-key", .value = "V"},
    {.name = "--num-prompts", .value = "V"},
    {.name = "--iterations", .value = "V"},
    {.name = "--warmup", .value = "V"},
    {.name = "--concurrency", .value = "V"},
    {.name = "--request-rate", .value = "V"},
    {.name = "--burstiness", .value = "V"},
    {.name = "--dataset", .value = "V"},
    {.name = "--dataset-path", .value = "V"},
    {.name = "--input-len", .value = "V"},
    {.name = "--seq-len", .value = "V"},
    {.name = "--output-len", .value = "V"},
    {.name = "--range-ratio", .value = "V"},
    {.name = "--prefix-len", .value = "V"},
    {.name = "--goodput", .value = "V"},
    {.name = "--temperature", .value = "V"},
    {.name = "--timeout", .value = "V"},
    {.name = "--seed", .value = "V"},
    {.name = "--json", .value = "V"},
    {.name = "--ignore-eos"},
};

Result<ServingPlan> plan(std::vector<const char*> words) {
  const Result<Args> args = Args::parse(words, kOptions);
  if (!args.ok()) return args.error();
  return read_serving_plan(*args);
}

TEST(ServingPlan, HasDefaults) {
  const auto p = plan({});
  ASSERT_TRUE(p.ok()) << p.error().message;
  EXPECT_EQ(p->client.server.port, "21002");
  EXPECT_EQ(p->num_prompts, 100);
  EXPECT_TRUE(std::isinf(p->request_rate));
  EXPECT_THAT(p->concurrencies, ElementsAre(0));
}

TEST(ServingPlan, TakesChitusNames) {
  const auto p = plan({"--iterations", "7", "--seq-len", "9", "--warmup", "0"});
  ASSERT_TRUE(p.ok()) << p.error().message;
  EXPECT_EQ(p->num_prompts, 7);
  EXPECT_EQ(p->random.input_len, 9);
}

TEST(ServingPlan, JoinsTheWordsOfAServiceLevel) {
  const auto p = plan({"--goodput", "ttft:500", "tpot:50"});
  ASSERT_TRUE(p.ok()) << p.error().message;
  EXPECT_EQ(p->level->ttft, 0.5);
  EXPECT_EQ(p->level->tpot, 0.05);
  EXPECT_THAT(plan({"tpot:50"}).error().message, HasSubstr("takes no text"));
}

TEST(ServingPlan, RefusesWhatMakesNoSense) {
  const std::vector<std::vector<const char*>> wrong = {
      {"--request-rate", "0"},
      {"--request-rate", "nan"},
      {"--request-rate", "-1"},
      {"--request-rate", "1x"},
      {"--burstiness", "0"},
      {"--burstiness", "inf"},
      {"--concurrency", "-1"},
      {"--concurrency", ""},
      {"--num-prompts", "0"},
      {"--range-ratio", "1.5"},
      {"--endpoint", "embed"},
      {"--dataset", "x"},
      {"--goodput", "x:1"},
      {"--timeout", "0"},
      {"--base-url", "https://x"},
      {"--dataset", "sharegpt"},
      {"--dataset-path", "file"},
      {"--api-key", "a\r\nb"},
      {"--num-prompts", "5", "--iterations", "5"},
      {"--input-len", "5", "--seq-len", "5"},
      {"--num-prompts", "1000000", "--input-len", "1000000"}};
  for (const auto& words : wrong) {
    const auto p = plan(words);
    ASSERT_FALSE(p.ok()) << words[0] << ' ' << words[1];
    EXPECT_THAT(p.error().message, HasSubstr(words[0])) << words[1];
  }
}

TEST(ServingPlan, HasOtherPromptsInEveryRun) {
  const auto p = plan({"--seed", "1", "--input-len", "8"});
  ASSERT_TRUE(p.ok());
  std::set<std::string> bodies;
  for (uint64_t run = 0; run < 3; ++run) {
    for (const auto& job : p->jobs(run, 5, 10)) bodies.insert(job.body);
  }
  EXPECT_EQ(bodies.size(), 15U);
  EXPECT_EQ(p->jobs(1, 5, 10)[4].body, p->jobs(1, 5, 10)[4].body);
  EXPECT_EQ(p->jobs(1, 5, 10)[4].due, p->jobs(1, 5, 10)[4].due);
  EXPECT_GT(p->jobs(1, 5, 10)[4].due, 0);
}

}  // namespace
}  // namespace chitu::app
