// What the operations of the CUDA back end share.
//
// Everything that a step does goes onto one stream, in order. run() neither waits, nor allocates,
// nor reads anything back: a step can be captured into a graph. Sizes that the host knows (the
// shapes, the plan's plain numbers) decide the launches; what depends on data (lengths, positions,
// block tables) is read by the kernels from device memory.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "base/result.h"
#include "base/round_up.h"
#include "tensor/dtype.h"

namespace chitu::cuda {

class HostStaging;  // staging.h
class MatmulLt;     // matmul_lt.h: cuBLASLt's handle, its workspace, the algorithms chosen

struct Context {
  int device = 0;
  int sm = 0;  // compute capability: 90 for sm_90
  int multiprocessors = 0;
  cudaStream_t stream = nullptr;
  DType activations = DType::kBF16;  // kBF16, kF16 or kF32
  bool deterministic = false;        // no result depends on what else is in the batch
  // workspace_bytes(op) at least, aligned to 256 bytes; every operation may use all of it, and
  // finds in it what the operation before left.
  std::byte* workspace = nullptr;
  HostStaging* staging = nullptr;  // pinned memory for what an operation brings from the host
  MatmulLt* lt = nullptr;
  Status status = {};  // the first failure; synchronize() reports it

  // After each launch: `context.launched("RmsNorm", {rows, dim});` Takes the error of the launch,
  // if any, into `status`, with the operation and its sizes.
  void launched(std::string_view operation, std::initializer_list<int64_t> sizes);
  // The same for calls of the runtime: `context.check(cudaMemcpyAsync(...), "Sample", {rows});`
  void check(cudaError_t error, std::string_view operation, std::initializer_list<int64_t> sizes);
  // What is no CUDA error: a library's status, a kernel that is missing.
  void fail(Error error);
};

// Hands out parts of the workspace, and, without memory, measures them.
//
//   int64_t workspace_bytes(const Context&, const X& op) { Workspace w; lay_out(op, w); return
//   w.bytes(); }
class Workspace {
 public:
  static constexpr int64_t kAlignment = 256;

  Workspace() = default;  // measuring: what take() returns points nowhere
  explicit Workspace(std::byte* memory) : memory_(memory) {}

  template <class T>
  T* take(int64_t n) {
    auto* data = reinterpret_cast<T*>(memory_ + used_);
    used_ += round_up(n * static_cast<int64_t>(sizeof(T)), kAlignment);
    return data;
  }
  int64_t bytes() const { return used_; }

 private:
  std::byte* memory_ = nullptr;
  int64_t used_ = 0;
};

}  // namespace chitu::cuda
