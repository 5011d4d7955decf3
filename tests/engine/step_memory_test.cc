// A step allocates no memory. Counted are operator new in all its forms, wherever it is called, and
// malloc, calloc, realloc, aligned_alloc, posix_memalign and mmap as this program itself calls them
// (the linker's --wrap). A workspace that was planned too small is among them: the back end then
// makes it grow.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <tuple>
#include <vector>

#include "backend/cpu/cpu_ops.h"
#include "engine/engine.h"
#include "io/checkpoint.h"

namespace {
std::atomic<int64_t> allocations{0};
}  // namespace

// All forms are replaced: a sanitizer brings its own for arrays, which would not come here. Not
// inlined: the compiler would find fault with a free() of what came from new.
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(std::max<std::size_t>(1, bytes));
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment,
                                     const std::nothrow_t&) noexcept {
  ++allocations;
  const auto unit = std::max(static_cast<std::size_t>(alignment), sizeof(void*));
  return std::aligned_alloc(unit, std::max<std::size_t>(1, (bytes + unit - 1) / unit) * unit);
}
void* operator new(std::size_t bytes) {
  void* data = operator new(bytes, std::nothrow);
  if (data == nullptr) throw std::bad_alloc();
  return data;
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  void* data = operator new(bytes, alignment, std::nothrow);
  if (data == nullptr) throw std::bad_alloc();
  return data;
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return operator new(bytes, alignment);
}
void* operator new[](std::size_t bytes, const std::nothrow_t& tag) noexcept {
  return operator new(bytes, tag);
}
void* operator new[](std::size_t bytes, std::align_val_t alignment,
                     const std::nothrow_t& tag) noexcept {
  return operator new(bytes, alignment, tag);
}
[[gnu::noinline]] void operator delete(void* data) noexcept { std::free(data); }
void operator delete(void* data, std::size_t) noexcept { operator delete(data); }
void operator delete(void* data, std::align_val_t) noexcept { operator delete(data); }
void operator delete(void* data, std::size_t, std::align_val_t) noexcept { operator delete(data); }
void operator delete(void* data, const std::nothrow_t&) noexcept { operator delete(data); }
void operator delete(void* data, std::align_val_t, const std::nothrow_t&) noexcept {
  operator delete(data);
}
void operator delete[](void* data) noexcept { operator delete(data); }
void operator delete[](void* data, std::size_t) noexcept { operator delete(data); }
void operator delete[](void* data, std::align_val_t) noexcept { operator delete(data); }
void operator delete[](void* data, std::size_t, std::align_val_t) noexcept {
  operator delete(data);
}
void operator delete[](void* data, const std::nothrow_t&) noexcept { operator delete(data); }
void operator delete[](void* data, std::align_val_t, const std::nothrow_t&) noexcept {
  operator delete(data);
}

extern "C" {
void* __real_malloc(std::size_t bytes);
void* __real_calloc(std::size_t n, std::size_t bytes);
void* __real_realloc(void* data, std::size_t bytes);
void* __real_aligned_alloc(std::size_t alignment, std::size_t bytes);
int __real_posix_memalign(void** data, std::size_t alignment, std::size_t bytes);
void* __real_mmap(void* address, std::size_t bytes, int protection, int flags, int file, off_t at);

void* __wrap_malloc(std::size_t bytes) {
  ++allocations;
  return __real_malloc(bytes);
}
void* __wrap_calloc(std::size_t n, std::size_t bytes) {
  ++allocations;
  return __real_calloc(n, bytes);
}
void* __wrap_realloc(void* data, std::size_t bytes) {
  ++allocations;
  return __real_realloc(data, bytes);
}
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t bytes) {
  ++allocations;
  return __real_aligned_alloc(alignment, bytes);
}
int __wrap_posix_memalign(void** data, std::size_t alignment, std::size_t bytes) {
  ++allocations;
  return __real_posix_memalign(data, alignment, bytes);
}
void* __wrap_mmap(void* address, std::size_t bytes, int protection, int flags, int file, off_t at) {
  ++allocations;
  return __real_mmap(address, bytes, protection, flags, file, at);
}
}

namespace chitu {
namespace {

TEST(StepMemory, IsCounted) {
  int64_t before = allocations;
  const auto number = std::make_unique<int>(1);
  EXPECT_GT(allocations, before);
  struct alignas(128) Line {
    int number = 1;
  };
  before = allocations;
  const auto line = std::make_unique<Line>();
  EXPECT_GT(allocations, before);
  before = allocations;
  const auto lines = std::make_unique<Line[]>(3);
  EXPECT_GT(allocations, before);
  ThreadPool pool({.num_threads = 1});
  Result<std::unique_ptr<Ops>> ops = make_cpu_ops(pool);
  before = allocations;
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{1} << 20, std::size_t{8} << 20}) {
    before = allocations;
    ASSERT_TRUE((*ops)->allocate(bytes).ok());
    EXPECT_GT(allocations, before) << bytes;
  }
}

using Case = std::tuple<const char*, cpu::Arithmetic>;
class StepMemoryOf : public testing::TestWithParam<Case> {};

// Requests of every kind of sampling, with prompts in chunks, over many blocks of the cache; so
// long that in decoding the keys of a sequence are split among the threads, in spans where the
// model has two kv heads, in chunks where it has one.
TEST_P(StepMemoryOf, NothingIsAllocated) {
  const auto& [path, arithmetic] = GetParam();
  const Result<Checkpoint> checkpoint = Checkpoint::open(std::string(CHITU_SOURCE_DIR "/") + path);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message;
  ThreadPool pool({.num_threads = 3, .pin = Pin::kOff});
  const Result<std::unique_ptr<Ops>> ops = make_cpu_ops(pool, {.arithmetic = arithmetic});
  ASSERT_TRUE(ops.ok());
  const auto engine =
      Engine::load(*checkpoint, **ops,
                   {.max_seq_len = 1800, .max_reqs = 4, .max_step_tokens = 200, .block_size = 4});
  ASSERT_TRUE(engine.ok()) << engine.error().message;
  for (const SamplingOptions& sampling :
       {SamplingOptions{}, SamplingOptions{.temperature = 1},
        SamplingOptions{.temperature = 1, .top_k = 5, .top_p = 0.9F, .min_p = 0.01F},
        SamplingOptions{.temperature = 1,
        .seed = 3,
        .repetition_penalty = 1.2F,
        .frequency_penalty = 0.5F,
        .presence_penalty = -0.5F,
        .logit_bias = {{5, 2.0F}, {9, -100.0F}}}}) {
    ASSERT_TRUE((*engine)
                    ->submit({.prompt = std::vector<int32_t>(1600, 7),
                              .sampling = sampling,
                              .stop_tokens = {11, 12, 1000000},
                              .ignore_eos = true,
                              .min_tokens = 200})
                    .ok());
  }
  // The first begins them; the second makes the prefix cache a root for those without a salt.
  std::size_t tokens = (*engine)->step().size();
  tokens += (*engine)->step().size();
  for (int64_t step = 2; (*engine)->has_work(); ++step) {
    const int64_t before = allocations;
    const std::span<TokenEvent> events = (*engine)->step();
    EXPECT_EQ(allocations, before) << "step " << step;
    tokens += events.size();
  }
  EXPECT_EQ(tokens, 4U * 200U);
}

INSTANTIATE_TEST_SUITE_P(
    Models, StepMemoryOf,
    testing::Combine(testing::Values("models/tiny-random",
                                     "tests/golden/models/llama-k-quants.gguf"),
                     testing::Values(cpu::Arithmetic::kFloat32, cpu::Arithmetic::kFast)));

}  // namespace
}  // namespace chitu
