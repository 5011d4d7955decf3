// A back end that computes nothing: it checks the shapes of what a model asks for and adds up the
// memory that the real back end would need. Loading and running a model on it, with a measuring
// Arena, plans the memory before a weight is read.
#pragma once

#include "ops/ops.h"

namespace chitu {

class DryRunOps : public Ops {
 public:
  // `target` answers for its name, dtype and sizes, and must outlive this.
  explicit DryRunOps(const Ops& target) : target_(&target) {}

  std::string_view name() const override { return target_->name(); }
  DType activation_dtype() const override { return target_->activation_dtype(); }

  void run(const Op& op) override;
  // The first operation whose shapes are wrong.
  Status synchronize() override { return status_; }

  int64_t workspace_bytes(const Op& op) const override { return target_->workspace_bytes(op); }
  Status reserve(int64_t) override { return {}; }

  // Buffers that point nowhere: not to be read or written.
  Result<Buffer> allocate(std::size_t bytes) override;
  void upload(void*, const void*, std::size_t) override {}
  void download(void*, const void*, std::size_t) override {}

  // The source's data is not read.
  Result<Weight> prepare(const WeightSource& source) override;
  Result<int64_t> prepared_bytes(DType format, int64_t rows, int64_t cols) const override {
    return target_->prepared_bytes(format, rows, cols);
  }

  int64_t allocated_bytes() const { return allocated_bytes_; }  // by allocate() and prepare()
  int64_t workspace_peak() const { return workspace_peak_; }    // the largest of all operations run

 private:
  const Ops* target_;
  Status status_;
  int64_t allocated_bytes_ = 0;
  int64_t workspace_peak_ = 0;
};

}  // namespace chitu
