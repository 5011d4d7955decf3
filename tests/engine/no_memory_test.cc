// Memory that is refused while a request is submitted harms that request at most: allocations of
// all threads are counted, and each in turn fails. On the CPU back end, whose steps take no memory.

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <new>
#include <thread>

#include "backend/cpu/cpu_ops.h"
#include "base/thread_pool.h"
#include "engine/service.h"
#include "server/generation.h"
#include "tests/engine/collector.h"
#include "tests/engine/tiny_model.h"

namespace {
// The allocation that fails, counted down; below 0: none does.
std::atomic<int64_t> allocations_left{-1};

bool is_refused() {
  return allocations_left.load(std::memory_order_relaxed) >= 0 &&
         allocations_left.fetch_sub(1, std::memory_order_relaxed) == 0;
}
}  // namespace

[[gnu::noinline]] void* operator new(std::size_t bytes) {
  void* data = is_refused() ? nullptr : std::malloc(bytes == 0 ? 1 : bytes);
  if (data == nullptr) throw std::bad_alloc();
  return data;
}
[[gnu::noinline]] void operator delete(void* data) noexcept { std::free(data); }
[[gnu::noinline]] void operator delete(void* data, std::size_t) noexcept { std::free(data); }

namespace chitu {
namespace {

using test::prompt;
using test::request;

// Takes events without memory: in one request's slots.
struct Slots {
  static constexpr int64_t kMost = 64;
  std::array<int32_t, kMost> tokens{};
  std::atomic<int64_t> count{0};
  std::atomic<FinishReason> finish{FinishReason::kNone};

  void take(const TokenEvent& event) {
    if (event.token >= 0) {
      tokens[static_cast<std::size_t>(count++)] = event.token;
      count.notify_all();
    }
    if (event.finish == FinishReason::kNone) return;
    finish = event.finish;
    finish.notify_all();
  }
  std::vector<int32_t> wait() {
    finish.wait(FinishReason::kNone);
    return {tokens.begin(), tokens.begin() + count};
  }
};

class NoMemoryTest : public test::TinyModelTest {};

TEST_F(NoMemoryTest, HarmsNobodyElse) {
  ThreadPool pool({.num_threads = 1});
  const auto ops = make_cpu_ops(pool).value();
  const EngineOptions options{
      .max_seq_len = 96, .max_reqs = 2, .max_step_tokens = 32, .block_size = 4};
  Request steady = request(prompt(9, 1), 60);
  Request victim = request(prompt(30, 2), 4);
  victim.sampling = {.temperature = 1, .repetition_penalty = 1.2F, .top_logprobs = 3};
  const std::vector<int32_t> steady_alone = test::answer(*load(options, *ops), steady);
  const std::vector<int32_t> victim_alone = test::answer(*load(options, *ops), victim);
  const auto engine = load(options, *ops);

  int refusals = 0;
  bool ran_out = false;
  for (int64_t failing = 0; !ran_out; ++failing) {
    std::array<Slots, 2> slots;
    std::atomic<int64_t> first_id{-1};
    Service service(*engine, {}, [&](std::vector<TokenEvent> events) {
      first_id.wait(-1);
      for (const TokenEvent& event : events) {
        slots[static_cast<std::size_t>(static_cast<int64_t>(event.id) != first_id)].take(event);
      }
    });
    const auto first = service.submit(steady);
    ASSERT_TRUE(first.ok());
    first_id = static_cast<int64_t>(*first);
    first_id.notify_all();

    slots[0].count.wait(0);  // it runs
    Request copy = victim;
    copy.cache_salt = "a salt of its own, longer than a string holds " + std::to_string(failing);
    allocations_left = failing;
    const auto second = service.submit(std::move(copy));
    if (second.ok()) {
      slots[1].finish.wait(FinishReason::kNone);
    } else {
      EXPECT_EQ(second.error().code, ErrorCode::kResourceExhausted);
      ++refusals;
    }
    ran_out = allocations_left >= 0;
    allocations_left = -1;
    EXPECT_EQ(slots[0].wait(), steady_alone) << failing;
    if (second.ok() && slots[1].finish != FinishReason::kError) {
      EXPECT_EQ(slots[1].wait(), victim_alone) << failing;
    }
    ASSERT_LT(failing, 1000);
  }
  EXPECT_GT(refusals, 2);
  EXPECT_EQ(engine->scheduler_stats().blocks_used, 0);
}

// A request of the server, whose memory is refused anywhere: nobody waits for it any more, and it
// is not computed for nobody.
TEST_F(NoMemoryTest, LeavesNoReceiverBehind) {
  ThreadPool pool({.num_threads = 1});
  const auto ops = make_cpu_ops(pool).value();
  const auto engine = load({.max_seq_len = 96, .max_reqs = 2, .block_size = 4}, *ops);
  int refusals = 0;
  bool ran_out = false;
  for (int64_t failing = 0; !ran_out; ++failing) {
    boost::asio::io_context io;
    Metrics metrics("tiny");
    GenerationHub hub(io, metrics);
    Service service(*engine, {}, [&](std::vector<TokenEvent> e) { hub.deliver(std::move(e)); });
    {
      Generation generation(hub, service, 0);
      Request victim = request(prompt(30, 2), 60);
      bool submitted = false;
      allocations_left = failing;
      try {
        submitted = generation.submit(std::move(victim)).ok();
      } catch (const std::bad_alloc&) {
      }
      ran_out = allocations_left >= 0;
      allocations_left = -1;
      EXPECT_EQ(generation.unfinished(), submitted ? 1 : 0) << failing;
      EXPECT_EQ(hub.active(), submitted ? 1 : 0) << failing;
      refusals += submitted ? 0 : 1;
    }
    EXPECT_EQ(hub.active(), 0) << failing;
    while (service.stats().requests > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ASSERT_LT(failing, 1000);
  }
  EXPECT_GT(refusals, 2);
}

// A refusal takes memory to word.
TEST_F(NoMemoryTest, AnInvalidRequestTakesNoPlace) {
  const auto engine = load({.max_seq_len = 96});
  Service service(*engine, {}, [](const std::vector<TokenEvent>&) {});
  bool ran_out = false;
  for (int64_t failing = 0; !ran_out; ++failing) {
    Request invalid = request({5, 512}, 1);
    allocations_left = failing;
    const auto refused = service.submit(std::move(invalid));
    ran_out = allocations_left >= 0;
    allocations_left = -1;
    EXPECT_EQ(refused.error().code,
              ran_out ? ErrorCode::kInvalidArgument : ErrorCode::kResourceExhausted);
    EXPECT_EQ(service.stats().requests, 0);
    ASSERT_LT(failing, 1000);
  }
}

}  // namespace
}  // namespace chitu
