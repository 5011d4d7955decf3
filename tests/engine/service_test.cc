#include "engine/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <ctime>
#include <string>
#include <thread>

#include "tests/engine/collector.h"
#include "tests/engine/forwarding_ops.h"
#include "tests/engine/tiny_model.h"

namespace chitu {
namespace {

using test::answer;
using test::Collector;
using test::FailingOps;
using test::HeldOps;
using test::prompt;
using test::request;
using testing::HasSubstr;

class ServiceTest : public test::TinyModelTest {
 protected:
  static inline const EngineOptions kOptions{
      .max_seq_len = 96, .max_reqs = 4, .max_step_tokens = 32, .block_size = 4};

  std::vector<int32_t> alone(const Request& r) { return answer(*load(kOptions), r); }

  static double steady_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  // Returns when nothing is computed any more.
  static void settle(const Service& service) {
    while (service.now_doing() != "idle") std::this_thread::yield();
  }

  // What step `number` does, once it is held.
  static std::string held_step(const Service& service, HeldOps& ops, int number) {
    ops.await_step();
    const std::string begin = "step " + std::to_string(number) + ": ";
    std::string doing = service.now_doing();  // which is told soon after the step began
    for (; doing.find(begin) != 0; doing = service.now_doing()) std::this_thread::yield();
    return doing.substr(begin.size(), doing.rfind(", since") - begin.size());
  }
  static std::string next_step(const Service& service, HeldOps& ops, int number) {
    ops.let_one_go();
    return held_step(service, ops, number);
  }

  Collector collector_;
  Service::OnEvents collect_ = [this](std::vector<TokenEvent> events) {
    collector_.take(std::move(events));
  };
};

TEST_F(ServiceTest, AnswersManyThreadsAsIfEachWereAlone) {
  const auto engine = load(kOptions);
  Service service(*engine, {}, collect_);
  std::vector<std::thread> clients;
  for (int32_t c = 0; c < 6; ++c) {
    clients.emplace_back([&, c] {
      for (int32_t i = 0; i < 5; ++i) {
        Request r = request(prompt(5 + 7 * i, 11 * c), 4 + c + i);
        r.sampling = {.temperature = i % 2 == 0 ? 0.0F : 1.0F, .seed = 9};
        const auto doomed = service.submit(r);
        const auto id = service.submit(r);
        ASSERT_TRUE(id.ok() && doomed.ok());
        service.cancel(*doomed);
        const auto found = collector_.wait_for_end(*id);
        EXPECT_EQ(found.finish, FinishReason::kLength);
        EXPECT_EQ(found.tokens, alone(r));
      }
    });
  }
  for (std::thread& client : clients) client.join();
  settle(service);
  const ServiceStats stats = service.stats();
  EXPECT_EQ(stats.requests, 0);
  EXPECT_EQ(stats.scheduler.running + stats.scheduler.waiting, 0);
  EXPECT_EQ(stats.scheduler.blocks_used, 0);
  EXPECT_GT(stats.engine.generated_tokens, 0);
  EXPECT_GT(stats.engine.prompt_tokens, 0);
}

TEST_F(ServiceTest, SleepsWhileThereIsNothingToDo) {
  const auto engine = load(kOptions);
  Service service(*engine, {}, collect_);
  EXPECT_EQ(service.now_doing(), "idle");
  EXPECT_EQ(service.heartbeat_age(), 0);
  collector_.wait_for_end(*service.submit(request(prompt(5, 1), 3)));
  settle(service);
  EXPECT_EQ(service.heartbeat_age(), 0);
  const std::clock_t before = std::clock();  // of the process's time on its processors
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC, 0.1);
}

TEST_F(ServiceTest, TellsWhatAStuckStepIsDoing) {
  HeldOps ops(*ops_);
  const auto engine = load(kOptions, ops);
  ops.hold();
  Service service(*engine, {}, collect_);
  const auto id = service.submit(request(prompt(20, 1), 3));
  held_step(service, ops, 1);
  EXPECT_THAT(service.now_doing(), HasSubstr("step 1: 0 decode rows, 20 tokens of prompts, since"));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_GE(service.heartbeat_age(), 0.005);
  ops.let_go();
  EXPECT_EQ(collector_.wait_for_end(*id).tokens.size(), 3U);
}

TEST_F(ServiceTest, HearsOfArrivalsAndCancellationsBeforeTheNextStep) {
  HeldOps ops(*ops_);
  EngineOptions options = kOptions;
  options.scheduling.itl_budget = 1000;  // prompts come whole
  const auto engine = load(options, ops);
  ops.hold();
  Service service(*engine, {}, collect_);
  const auto kept = service.submit(request(prompt(5, 9), 60));
  EXPECT_EQ(held_step(service, ops, 1), "0 decode rows, 5 tokens of prompts");
  EXPECT_EQ(next_step(service, ops, 2), "1 decode row, 0 tokens of prompts");
  const auto gone = service.submit(request(prompt(30, 2), 60));
  EXPECT_EQ(next_step(service, ops, 3), "1 decode row, 30 tokens of prompts");
  EXPECT_EQ(next_step(service, ops, 4), "2 decode rows, 0 tokens of prompts");
  EXPECT_EQ(service.stats().scheduler.blocks_used, 2 + 8);  // of 4 tokens, for 8 and 31
  service.cancel(*gone);
  service.cancel(*gone);
  EXPECT_EQ(next_step(service, ops, 5), "1 decode row, 0 tokens of prompts");
  EXPECT_EQ(service.stats().scheduler.blocks_used, 3);  // for 9
  EXPECT_EQ(service.stats().requests, 1);
  ops.let_go();
  EXPECT_EQ(collector_.wait_for_end(*kept).tokens, alone(request(prompt(5, 9), 60)));
  settle(service);
  EXPECT_EQ(collector_.answer(*gone).finish, FinishReason::kNone);
  EXPECT_EQ(collector_.answer(*gone).tokens.size(), 2U);
  EXPECT_EQ(service.stats().scheduler.blocks_used, 0);
  EXPECT_EQ(service.stats().requests, 0);
}

TEST_F(ServiceTest, RefusesMoreThanMayWait) {
  HeldOps ops(*ops_);
  EngineOptions options = kOptions;
  options.max_reqs = 1;
  const auto engine = load(options, ops);
  ops.hold();
  Service service(*engine, {.max_queue = 2}, collect_);
  std::vector<RequestId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(*service.submit(request(prompt(5, i), 2)));
  const auto refused = service.submit(request(prompt(5, 1), 2));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(refused.error().message, HasSubstr("1 request"));
  EXPECT_EQ(service.stats().requests, 3);
  ops.let_go();
  for (const RequestId id : ids) collector_.wait_for_end(id);
  EXPECT_TRUE(service.submit(request(prompt(5, 1), 2)).ok());
}

TEST_F(ServiceTest, RefusesWhatIsInvalidAtOnce) {
  const auto engine = load(kOptions);
  Service service(*engine, {.max_queue = 0}, collect_);
  for (int i = 0; i < 10; ++i) {  // a refused request takes no place
    EXPECT_EQ(service.submit({}).error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(service.submit(request({5, 512}, 1)).error().message, HasSubstr("token 512"));
    EXPECT_THAT(service.submit(request(prompt(96, 1), 1)).error().message,
                HasSubstr("infer.max_seq_len=96"));
  }
  EXPECT_EQ(service.stats().requests, 0);
}

TEST_F(ServiceTest, FinishesWhatRunsWhenItDrains) {
  const auto engine = load(kOptions);
  Service service(*engine, {}, collect_);
  const auto id = service.submit(request(prompt(5, 1), 50));
  service.drain();
  EXPECT_EQ(service.stats().state, ServiceState::kDraining);
  EXPECT_EQ(service.submit(request(prompt(5, 1), 2)).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(collector_.wait_for_end(*id).tokens.size(), 50U);
}

TEST_F(ServiceTest, EndsRequestsThatAreLeftWithAnEvent) {
  HeldOps ops(*ops_);
  const auto engine = load(kOptions, ops);
  std::vector<RequestId> ids;
  {
    Service service(*engine, {}, collect_);
    for (int i = 0; i < 7; ++i) ids.push_back(*service.submit(request(prompt(9, i), 80)));
    collector_.wait_for_tokens(ids[0], 2);
    ids.push_back(*service.submit(request(prompt(9, 1), 80)));
  }
  for (const RequestId id : ids) {
    EXPECT_EQ(collector_.answer(id).finish, FinishReason::kCancelled);
  }
  EXPECT_FALSE(engine->has_work());
}

TEST_F(ServiceTest, GoesOnAfterAStepThatFailed) {
  FailingOps ops(*ops_);
  const auto engine = load(kOptions, ops);
  Service service(*engine, {}, collect_);
  const auto first = service.submit(request(prompt(9, 1), 80));
  collector_.wait_for_tokens(*first, 3);
  ops.fails = true;
  const test::Answer failed = collector_.wait_for_end(*first);
  EXPECT_EQ(failed.finish, FinishReason::kError);
  EXPECT_THAT(failed.error, HasSubstr("the device has gone"));
  settle(service);
  EXPECT_EQ(service.stats().state, ServiceState::kFailed);
  EXPECT_EQ(service.stats().requests, 0);

  ops.fails = false;
  const auto next = service.submit(request(prompt(9, 1), 10));
  EXPECT_EQ(collector_.wait_for_end(*next).tokens, alone(request(prompt(9, 1), 10)));
  settle(service);
  EXPECT_EQ(service.stats().state, ServiceState::kReady);
  EXPECT_EQ(service.stats().scheduler.blocks_used, 0);
}

TEST_F(ServiceTest, IsReadyAgainThoughNobodyTriesIt) {
  FailingOps ops(*ops_);
  const auto engine = load(kOptions, ops);
  Service service(*engine, {.failed_seconds = 0.05}, collect_);
  ops.fails = true;
  const double begin = steady_seconds();
  collector_.wait_for_end(*service.submit(request(prompt(9, 1), 80)));
  while (service.stats().state != ServiceState::kReady) std::this_thread::yield();
  EXPECT_GE(steady_seconds() - begin, 0.05);
}

TEST_F(ServiceTest, ComputesWhatPromptsShareOnce) {
  const auto engine = load(kOptions);
  Service service(*engine, {}, collect_);
  const auto with_salt = [&](const std::string& salt) {
    Request r = request(prompt(40, 1), 2);
    r.cache_salt = salt;
    return collector_.wait_for_end(*service.submit(std::move(r)));
  };
  EXPECT_EQ(with_salt("").cached_tokens, 0);
  EXPECT_EQ(with_salt("").cached_tokens, 36);  // whole blocks of 4, but the last token
  EXPECT_EQ(with_salt("tenant").cached_tokens, 0);
  EXPECT_EQ(service.stats().scheduler.prefix_hits, 36);
}

TEST_F(ServiceTest, EmbedsPromptsAloneAsBesideOthers) {
  const auto engine = load(kOptions);
  Service service(*engine, {}, collect_);
  const auto embed = [&](int64_t length, int32_t first) {
    Request r = request(prompt(length, first), 0);
    r.embed = true;
    return *service.submit(std::move(r));
  };
  const test::Answer once = collector_.wait_for_end(embed(50, 3));
  EXPECT_EQ(once.finish, FinishReason::kStop);
  EXPECT_TRUE(once.tokens.empty());
  double length = 0;
  for (const float x : once.embedding) length += static_cast<double>(x) * x;
  EXPECT_NEAR(length, 1, 1e-6);

  std::vector<RequestId> ids;
  for (int32_t i = 0; i < 6; ++i) {
    ids.push_back(*service.submit(request(prompt(12, i), 12)));
    ids.push_back(embed(50, 3));
    ids.push_back(embed(50, 4));
  }
  ids.push_back(embed(96, 4));  // as long as may be
  for (std::size_t i = 0; i + 1 < ids.size(); i += 3) {
    EXPECT_EQ(collector_.wait_for_end(ids[i]).tokens.size(), 12U);
    EXPECT_EQ(collector_.wait_for_end(ids[i + 1]).embedding, once.embedding);
    EXPECT_NE(collector_.wait_for_end(ids[i + 2]).embedding, once.embedding);
  }
  EXPECT_FALSE(collector_.wait_for_end(ids.back()).embedding.empty());
}

}  // namespace
}  // namespace chitu
