#include "engine/worker.h"

#include <gtest/gtest.h>

#include <future>

namespace chitu {
namespace {

TEST(Worker, RunsEachJobOnce) {
  int64_t runs = 0;  // not atomic: the hand-over orders the jobs
  Worker worker([&] { ++runs; });
  for (int64_t i = 1; i <= 20000; ++i) {
    worker.launch();
    if (i % 3 == 0) std::this_thread::yield();
    worker.wait();
    ASSERT_EQ(runs, i);
  }
}

TEST(Worker, BeginsWhileNobodyWaits) {
  std::promise<std::thread::id> ran;
  Worker worker([&] { ran.set_value(std::this_thread::get_id()); });
  worker.launch();
  EXPECT_NE(ran.get_future().get(), std::this_thread::get_id());
  worker.wait();
}

TEST(Worker, EndsWithOrWithoutAJob) {
  {
    const Worker idle([] {});
  }
  int runs = 0;
  {
    Worker worker([&] { ++runs; });
    worker.wait();
    worker.launch();
  }
  EXPECT_LE(runs, 1);
}

}  // namespace
}  // namespace chitu
