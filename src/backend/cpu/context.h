// What the operations of the CPU back end share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "backend/cpu/cpu_options.h"
#include "backend/cpu/kernels/attention_kernel.h"
#include "backend/cpu/kernels/row_kernels.h"
#include "base/thread_pool.h"
#include "ops/descs.h"

namespace chitu::cpu {

struct Context {
  ThreadPool& pool;
  Isa isa;
  Arithmetic arithmetic;
  const RowKernels& rows;
  const AttentionKernels& attention;
  std::byte* workspace =
      nullptr;  // workspace_bytes(op) at least; every operation may use all of it
};

// Calls f(row) for rows [0, rows) of about `cols` values each, on several threads where that pays
// for waking them.
template <class F>
void for_each_row(Context& context, int64_t rows, int64_t cols, F&& f) {
  constexpr int64_t kValuesWorthAThread = 16384;
  const int64_t grain = std::max<int64_t>(1, kValuesWorthAThread / std::max<int64_t>(cols, 1));
  context.pool.parallel_for(rows, grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) f(row);
  });
}

// Hands out parts of the workspace.
class Workspace {
 public:
  explicit Workspace(std::byte* memory) : memory_(memory) {}

  template <class T>
  T* take(int64_t n) {
    auto* data = reinterpret_cast<T*>(memory_);
    memory_ += bytes<T>(n);
    return data;
  }
  template <class T>
  static int64_t bytes(int64_t n) {
    return (n * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 64;
  }

 private:
  std::byte* memory_;
};

// One function an operation, and the workspace of those that need any.

void run(Context& context, const Embed& op);
void run(Context& context, const Linear& op);
int64_t workspace_bytes(const Context& context, const Linear& op);

void run(Context& context, const StoreKv& op);
void run(Context& context, const Attention& op);
int64_t workspace_bytes(const Context& context, const Attention& op);

void run(Context& context, const RmsNorm& op);
void run(Context& context, const Add& op);
void run(Context& context, const GatedActivation& op);
void run(Context& context, const RopeAngles& op);
void run(Context& context, const Rope& op);
void run(Context& context, const GatherRows& op);
void run(Context& context, const Softcap& op);
void run(Context& context, const Scale& op);
void run(Context& context, const AllReduceAddNorm& op);
void run(Context& context, const RopeStoreKv& op);

void run(Context& context, const Sample& op);
int64_t workspace_bytes(const Context& context, const Sample& op);

}  // namespace chitu::cpu
