// What a device can do. Models say what is to be computed (descs.h); a back end says how.
//
// Operations run in the order they are given. They may run asynchronously: results are on the host
// after synchronize() or download(). An operation's shapes are the caller's promise
// (check_shapes.h verifies them); an operation does not fail, allocate or wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "ops/buffer.h"
#include "ops/descs.h"
#include "ops/weight.h"

namespace chitu {

class Ops {
 public:
  virtual ~Ops() = default;

  virtual std::string_view name() const = 0;  // "cpu", "cuda:0"
  virtual DType activation_dtype() const = 0;

  // `ops.run(GatedActivation{.gate_up = h, .y = act});`
  virtual void run(const Op& op) = 0;
  virtual Status synchronize() = 0;

  // Scratch that run(op) needs beside its operands; grows with the step's tokens and sequences.
  virtual int64_t workspace_bytes(const Op&) const { return 0; }
  // Makes room for every operation whose workspace_bytes() is at most `bytes`. Called before the
  // first step with the largest of the largest step (dry_run.h finds it); a caller that leaves it
  // out pays for an allocation in run(). Error: kResourceExhausted.
  virtual Status reserve(int64_t bytes) {
    (void)bytes;
    return {};
  }

  // Zero-filled memory, aligned to at least 64 bytes. Error: kResourceExhausted.
  virtual Result<Buffer> allocate(std::size_t bytes) = 0;
  // When these return, `host` may be reused, or holds the values.
  virtual void upload(void* device, const void* host, std::size_t bytes) = 0;
  virtual void download(void* host, const void* device, std::size_t bytes) = 0;

  // Copies the source's values into the layout this back end's kernels read, once each. The source
  // may be released afterwards. Error: kUnsupported for a format without a kernel,
  // kResourceExhausted.
  virtual Result<Weight> prepare(const WeightSource& source) = 0;
  // Bytes that prepare() will allocate for `rows` x `cols` values of `format`; kUnsupported as
  // above.
  virtual Result<int64_t> prepared_bytes(DType format, int64_t rows, int64_t cols) const = 0;
};

}  // namespace chitu
