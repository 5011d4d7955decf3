#include "app/serving_plan.h"

#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "app/commands.h"

namespace chitu::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<ServingPlan> plan(std::vector<const char*> words) {
  const Result<Args> args = Args::parse(words, kBenchServingCommand.options);
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
      {"--num-prompts", "1000000", "--input-len", "1000000"},
      {"--warmup", "10000", "--input-len", "1000000"}};
  for (const auto& words : wrong) {
    const auto p = plan(words);
    ASSERT_FALSE(p.ok()) << words[0] << ' ' << words[1];
    EXPECT_THAT(p.error().message, HasSubstr(words[0])) << words[1];
  }
}

std::set<std::string> bodies_of(const ServingPlan& plan, int64_t runs) {
  std::set<std::string> bodies;
  for (int64_t run = 0; run < runs; ++run) {
    for (const auto& job : plan.jobs(run)) bodies.insert(job.body);
  }
  return bodies;
}

TEST(ServingPlan, HasOtherPromptsInEveryRun) {
  const auto p = plan({"--seed", "1", "--input-len", "8", "--warmup", "5", "--num-prompts", "5",
                       "--request-rate", "10"});
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(bodies_of(*p, 3).size(), 15U);
  EXPECT_EQ(p->jobs(1)[4].body, p->jobs(1)[4].body);
  EXPECT_EQ(p->jobs(1)[4].due, p->jobs(1)[4].due);
  EXPECT_GT(p->jobs(1)[4].due, 0);
  EXPECT_EQ(p->jobs(0)[4].due, 0);
}

TEST(ServingPlan, HasOtherConversationsInEveryRun) {
  const std::string path = ::testing::TempDir() + "/chitu_serving_plan_sharegpt.json";
  std::ofstream(path) << "[";
  for (int i = 0; i < 12; ++i) {
    std::ofstream(path, std::ios::app)
        << (i == 0 ? "" : ",") << R"({"conversations": [{"value": "Why is the sky blue, number )"
        << i << R"(?"}, {"value": "Because of Rayleigh scattering."}]})";
  }
  std::ofstream(path, std::ios::app) << "]";
  const auto p = plan({"--dataset", "sharegpt", "--dataset-path", path.c_str(), "--warmup", "2",
                       "--num-prompts", "5", "--concurrency", "1,2"});
  const auto more = plan({"--dataset", "sharegpt", "--dataset-path", path.c_str(), "--warmup", "2",
                          "--num-prompts", "5", "--concurrency", "1,2,3"});
  std::filesystem::remove(path);
  ASSERT_TRUE(p.ok()) << p.error().message;
  EXPECT_EQ(bodies_of(*p, 3).size(), 12U);
  EXPECT_EQ(p->repeated_prompts(), 0);
  EXPECT_EQ(more->repeated_prompts(), 5);
}

}  // namespace
}  // namespace chitu::app
