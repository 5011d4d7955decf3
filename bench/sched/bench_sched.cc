// What a step costs beside its computation: Scheduler::plan(), commit() and finalize(), with all
// seats taken by sequences that decode, others waiting, and a few sequences that end and begin in
// each step.
//
//   bench_sched [running [waiting]]      256 and 4000 unless given
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "sched/scheduler.h"

namespace chitu {
namespace {

constexpr int64_t kBlockSize = 32;
constexpr int64_t kAnswer = 128;  // tokens
constexpr int kSteps = 1000;

class Bench {
 public:
  Bench(const Policy& policy, int64_t running, int64_t waiting)
      : scheduler_({.max_sequences = running,
                    .max_step_tokens = running + 512,
                    .block_size = kBlockSize,
                    .num_blocks = running * 32,
                    .policy = policy}),
        in_all_(running + waiting) {
    scheduler_.reserve(current_, 1024);
    scheduler_.reserve(next_, 1024);
  }

  // Median and longest of the steps, in microseconds.
  std::pair<double, double> run() {
    for (int i = 0; i < 200; ++i) step();
    std::vector<double> times;
    for (int i = 0; i < kSteps; ++i) times.push_back(step());
    std::sort(times.begin(), times.end());
    return {times[kSteps / 2], times[kSteps - 1]};
  }

 private:
  using Clock = std::chrono::steady_clock;

  double step() {
    while (scheduler_.stats().running + scheduler_.stats().waiting < in_all_) add();
    now_ += 0.02;
    sampled_.resize(static_cast<std::size_t>(current_.num_logit_rows), 1);
    events_.clear();
    const auto start = Clock::now();
    scheduler_.plan(now_, 128, next_);
    scheduler_.commit(current_, sampled_, events_);
    scheduler_.finalize(next_);
    const auto end = Clock::now();
    std::swap(current_, next_);
    return std::chrono::duration<double, std::micro>(end - start).count();
  }

  void add() {
    Sequence s{.id = SequenceId{id_}, .arrival = now_};
    // Answers of different lengths, so that a few end in each step.
    const int64_t prompt = 40 + id_ % 50;
    for (int64_t i = 0; i < prompt; ++i) s.tokens.push_back(static_cast<int32_t>(id_ + i));
    s.max_tokens = prompt + kAnswer / 2 + id_ * 37 % kAnswer;
    ++id_;
    if (!scheduler_.add(std::move(s)).ok()) std::abort();
  }

  Scheduler scheduler_;
  int64_t in_all_;
  int64_t id_ = 0;
  double now_ = 0;
  BatchPlan current_;
  BatchPlan next_;
  std::vector<int32_t> sampled_;
  std::vector<SequenceEvent> events_;
};

}  // namespace
}  // namespace chitu

int main(int argc, char** argv) {
  int64_t counts[] = {256, 4000};
  for (int i = 1; i < argc; ++i) {
    const char* const end = argv[i] + std::strlen(argv[i]);
    const bool known = i <= 2;
    if (!known || std::from_chars(argv[i], end, counts[i - 1]).ptr != end || counts[i - 1] < 1) {
      fmt::print(stderr, "usage: bench_sched [running [waiting]]: numbers above 0\n");
      return 2;
    }
  }
  fmt::print("{} running, {} waiting; microseconds a step\n", counts[0], counts[1]);
  for (const chitu::Policy& policy : chitu::policies()) {
    const auto [median, longest] = chitu::Bench(policy, counts[0], counts[1]).run();
    fmt::print("{:14} median {:7.1f}   longest {:7.1f}\n", policy.name, median, longest);
  }
  return 0;
}
