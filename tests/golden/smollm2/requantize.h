// A back end whose weights are changed to another number format before they are prepared: any
// checkpoint in any format, without a file of it.
#pragma once

#include <vector>

#include "base/thread_pool.h"
#include "ops/ops.h"

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

class RequantizingOps : public Ops {
 public:
  RequantizingOps(Ops& ops, Requantize to, ThreadPool& pool) : ops_(ops), to_(to), pool_(pool) {}

  std::string_view name() const override { return ops_.name(); }
  DType activation_dtype() const override { return ops_.activation_dtype(); }
  void run(const Op& op) override { ops_.run(op); }
  Status synchronize() override { return ops_.synchronize(); }
  int64_t workspace_bytes(const Op& op) const override { return ops_.workspace_bytes(op); }
  Status reserve(int64_t bytes) override { return ops_.reserve(bytes); }
  Result<Buffer> allocate(std::size_t bytes) override { return ops_.allocate(bytes); }
  void upload(void* device, const void* host, std::size_t bytes) override {
    ops_.upload(device, host, bytes);
  }
  void download(void* host, const void* device, std::size_t bytes) override {
    ops_.download(host, device, bytes);
  }
  Result<Weight> prepare(const WeightSource& source) override;
  Result<int64_t> prepared_bytes(DType, int64_t rows, int64_t cols) const override {
    return ops_.prepared_bytes(to_.of(cols), rows, cols);
  }

 private:
  Ops& ops_;
  Requantize to_;
  ThreadPool& pool_;
};

}  // namespace chitu::test
