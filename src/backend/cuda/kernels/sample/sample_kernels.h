// The kernels behind Sample, and what they read. Plain C++: sample.cc fills it in, launch_*() of
// the .cu files run it. All of them work on rows that a team of blocks shares (row_team.cuh).
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace chitu::cuda {

// One row's SamplingParams, worked out as far as the host can.
struct SampleRow {
  uint64_t uniform = 0;              // in [0, 2^64): uniform(seed, draw) times 2^64, exactly
  double min_p_distance = 0.0;       // temperature * log(min_p): how far below the largest logit
  float inverse_temperature = 0.0F;  // 0: the largest logit
  float top_p = 1.0F;                // from 1 on: off
  int32_t top_k = 0;                 // 0: off
  int32_t top_logprobs = -1;
  int32_t adjustments_begin = 0;  // of SampleArgs::adjustments
  int32_t adjustments_end = 0;
  bool has_min_p = false;
};

// LogitAdjustment of ops/descs.h, which drags in more than a kernel should compile.
struct SampleAdjustment {
  int32_t token;
  float repetition;
  float bias;
};

// log_softmax(row)[id] = (logit - largest) - log_sum, of the logits as they came.
struct SampleLogSoftmax {
  float largest;
  float log_sum;
};

struct SampleArgs {
  float* logits = nullptr;  // [rows, vocab], `stride` apart
  int64_t stride = 0;
  int32_t rows = 0;
  int32_t vocab = 0;                              // below 2^22: see fixed_point() of row_values.cuh
  const SampleRow* params = nullptr;              // [rows]; null: every row takes its largest logit
  const SampleAdjustment* adjustments = nullptr;  // of all rows
  float* before = nullptr;  // of each adjustment: the logit it met; null where nobody will ask
  SampleLogSoftmax* log_softmax = nullptr;  // [rows], of those that want log-probabilities
  int32_t* ids = nullptr;                   // [rows]
  int32_t* logprob_ids = nullptr;           // [rows, 1 + kMaxTopLogprobs], strides apart
  int64_t logprob_ids_stride = 0;
  float* logprobs = nullptr;
  int64_t logprobs_stride = 0;
};

// `sm`: compute capability, 90 for sm_90; `multiprocessors`: of the device.
struct SampleDevice {
  int sm = 0;
  int multiprocessors = 0;
  cudaStream_t stream = nullptr;
};

// In this order. Columns 1 .. of the log-probabilities, and log_softmax; before any adjustment.
void launch_top_logprobs(const SampleArgs& args, const SampleDevice& device);
void launch_adjust_logits(const SampleArgs& args, const SampleDevice& device);
// Ids, and column 0 of the log-probabilities.
void launch_sample(const SampleArgs& args, const SampleDevice& device);

}  // namespace chitu::cuda
