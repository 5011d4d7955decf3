// Logits times penalties and plus biases, a block a row. A token's adjustments happen one after the
// other, in their order; those of unlike tokens at once.
#include <limits>

#include "backend/cuda/kernels/device.cuh"
#include "backend/cuda/kernels/sample/sample_kernels.h"

namespace chitu::cuda {
namespace {

constexpr int kThreads = 512;  // and adjustments at once
constexpr int kSlots = 2 * kThreads;

// A hash table of tokens: whose turn it is among the threads that want to change one.
struct Turns {
  int token[kSlots];
  int thread[kSlots];  // the first; kNobody

  static constexpr int kNobody = std::numeric_limits<int>::max();

  __device__ void clear() {
    for (int i = static_cast<int>(threadIdx.x); i < kSlots; i += kThreads) {
      token[i] = -1;
      thread[i] = kNobody;
    }
  }
  __device__ int slot_of(int wanted) {
    constexpr uint32_t kGolden = 0x9E3779B9U;  // spreads neighbouring tokens
    uint32_t slot = static_cast<uint32_t>(wanted) * kGolden >> 16;
    for (;; ++slot) {
      slot %= kSlots;
      const int found = atomicCAS(&token[slot], -1, wanted);
      if (found == -1 || found == wanted) return static_cast<int>(slot);
    }
  }
};

// As adjust_logits() of ops/adjust_logits.h.
__device__ float adjusted(float logit, const SampleAdjustment& a) {
  const double x = logit;
  return static_cast<float>((x > 0 ? x / a.repetition : x * a.repetition) + a.bias);
}

__global__ void __launch_bounds__(kThreads) adjust_kernel(SampleArgs args) {
  __shared__ Turns turns;
  const SampleRow& params = args.params[blockIdx.x];
  float* const logits = args.logits + blockIdx.x * args.stride;
  const int begin = params.adjustments_begin;
  const int end = params.adjustments_end;
  const bool keeps_before = params.top_logprobs >= 0 && args.before != nullptr;
  const auto thread = static_cast<int>(threadIdx.x);

  for (int first = begin; first < end; first += kThreads) {
    turns.clear();
    __syncthreads();
    const int i = first + thread;
    bool waits = i < end;
    const SampleAdjustment adjustment =
        waits ? args.adjustments[i] : SampleAdjustment{.token = 0, .repetition = 1, .bias = 0};
    const int slot = waits ? turns.slot_of(adjustment.token) : 0;
    do {
      if (waits) atomicMin(&turns.thread[slot], thread);
      __syncthreads();
      const bool has_turn = waits && turns.thread[slot] == thread;
      __syncthreads();
      if (has_turn) {
        float& logit = logits[adjustment.token];
        if (keeps_before) args.before[i] = logit;
        logit = adjusted(logit, adjustment);
        turns.thread[slot] = Turns::kNobody;
        waits = false;
      }
    } while (__syncthreads_or(waits ? 1 : 0) != 0);
  }
}

}  // namespace

void launch_adjust_logits(const SampleArgs& args, const SampleDevice& device) {
  adjust_kernel<<<static_cast<unsigned>(args.rows), kThreads, 0, device.stream>>>(args);
}

}  // namespace chitu::cuda
