// A back end whose weights are changed to another number format before they are prepared: any
// checkpoint in any format, without a file of it.
#pragma once

#include <vector>

#include "base/thread_pool.h"
#include "tests/engine/forwarding_ops.h"

namespace chitu::test {

// F16, BF16, Q8_0, Q4_0, Q4_K or Q6_K. Rows that are no whole number of its blocks get Q8_0, as
// programs that write GGUF give them another format too.
struct Requantize {
  DType format;

  DType of(int64_t cols) const {
    return cols % info(format).block_elements == 0 ? format : DType::kQ8_0;
  }
};

// `rows` x `cols` values of any format that can be decoded, in the format that they get.
std::vector<std::byte> requantized(const TensorRef& values, Requantize to, ThreadPool& pool);

class RequantizingOps : public ForwardingOps {
 public:
  RequantizingOps(Ops& ops, Requantize to, ThreadPool& pool)
      : ForwardingOps(ops), to_(to), pool_(pool) {}

  Result<Weight> prepare(const WeightSource& source) override;
  Result<int64_t> prepared_bytes(DType, int64_t rows, int64_t cols) const override {
    return ForwardingOps::prepared_bytes(to_.of(cols), rows, cols);
  }

 private:
  Requantize to_;
  ThreadPool& pool_;
};

}  // namespace chitu::test
