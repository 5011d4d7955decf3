// Sample on the device: what the host knows of each row goes there in one copy, and up to three
// kernels follow. No result comes back, and nothing depends on how many rows there are.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "backend/cuda/context.h"
#include "backend/cuda/kernels/sample/sample_kernels.h"
#include "backend/cuda/operations.h"
#include "backend/cuda/staging.h"
#include "ops/philox.h"

namespace chitu::cuda {
namespace {

static_assert(std::is_trivially_copyable_v<LogitAdjustment> &&
              sizeof(LogitAdjustment) == sizeof(SampleAdjustment));

// Planned for beside the rows, so that a step with adjustments finds room that was reserved for one
// without: as many as a request's logit_bias can have, and a mebi of them in all. A step that has
// more, with penalties on long answers, makes the workspace grow.
constexpr int64_t kAdjustmentsPerRow = 1024;
constexpr int64_t kMostPlannedAdjustments = int64_t{1} << 20;

struct Scratch {
  SampleRow* params;
  SampleLogSoftmax* log_softmax;
  SampleAdjustment* adjustments;
  float* before;
};

Scratch lay_out(const Sample& op, Workspace& workspace) {
  const int64_t rows = op.logits.rows();
  const int64_t adjustments =
      std::max(static_cast<int64_t>(op.adjustments.size()),
               std::min(rows * kAdjustmentsPerRow, kMostPlannedAdjustments));
  return {.params = workspace.take<SampleRow>(rows),
          .log_softmax = workspace.take<SampleLogSoftmax>(rows),
          .adjustments = workspace.take<SampleAdjustment>(adjustments),
          .before = workspace.take<float>(adjustments)};
}

// What the step asks for beyond the largest logit.
struct Wants {
  bool draws = false;
  bool logprobs = false;
  bool adjustments = false;

  bool any() const { return draws || logprobs || adjustments; }
};

Wants wants_of(const Sample& op) {
  Wants wants{.adjustments = !op.adjustments.empty()};
  for (const SamplingParams& params : op.params) {
    wants.draws |= params.temperature > 0;
    wants.logprobs |= params.top_logprobs >= 0;
  }
  return wants;
}

SampleRow row_of(const Sample& op, int64_t r) {
  const auto i = static_cast<std::size_t>(r);
  const SamplingParams& params = op.params[i];
  SampleRow row{.top_p = params.top_p, .top_k = params.top_k, .top_logprobs = params.top_logprobs};
  if (params.temperature > 0) {
    // Neither infinite nor 0, so that no product with a difference is NaN.
    using Limits = std::numeric_limits<float>;
    row.inverse_temperature = std::clamp(1.0F / params.temperature, Limits::min(), Limits::max());
    row.uniform = static_cast<uint64_t>(uniform(params.seed, params.draw) * 0x1p53) << 11;
    row.has_min_p = params.min_p > 0;
    if (row.has_min_p) row.min_p_distance = params.temperature * std::log(double{params.min_p});
  }
  if (!op.adjustment_starts.empty()) {
    row.adjustments_begin = op.adjustment_starts[i];
    row.adjustments_end = op.adjustment_starts[i + 1];
  }
  return row;
}

cudaError_t send_rows(const Sample& op, HostStaging& staging, SampleRow* device) {
  constexpr auto kAtOnce = static_cast<int64_t>(HostStaging::kSlotBytes / sizeof(SampleRow));
  const int64_t rows = op.logits.rows();
  for (int64_t begin = 0; begin < rows; begin += kAtOnce) {
    const int64_t count = std::min(kAtOnce, rows - begin);
    std::byte* host = staging.take(static_cast<std::size_t>(count) * sizeof(SampleRow));
    for (int64_t r = 0; r < count; ++r, host += sizeof(SampleRow)) {
      const SampleRow row = row_of(op, begin + r);
      std::memcpy(host, &row, sizeof(row));
    }
    if (const cudaError_t sent = staging.send(device + begin); sent != cudaSuccess) return sent;
  }
  return cudaSuccess;
}

}  // namespace

void run(Context& context, const Sample& op) {
  const int64_t rows = op.logits.rows();
  const int64_t vocab = op.logits.cols();
  if (rows == 0) return;
  Workspace workspace(context.workspace);
  const Scratch scratch = lay_out(op, workspace);
  const Wants wants = wants_of(op);
  SampleArgs args{.logits = op.logits.row<float>(0),
                  .stride = op.logits.row_stride,
                  .rows = static_cast<int32_t>(rows),
                  .vocab = static_cast<int32_t>(vocab),
                  .ids = op.ids.row<int32_t>(0)};
  const SampleDevice device{context.sm, context.multiprocessors, context.stream};
  if (wants.any()) {
    context.check(send_rows(op, *context.staging, scratch.params), "Sample", {rows, vocab});
    args.params = scratch.params;
  }
  if (wants.logprobs) {
    args.before = scratch.before;
    args.log_softmax = scratch.log_softmax;
    args.logprob_ids = op.logprob_ids.row<int32_t>(0);
    args.logprob_ids_stride = op.logprob_ids.row_stride;
    args.logprobs = op.logprobs.row<float>(0);
    args.logprobs_stride = op.logprobs.row_stride;
    launch_top_logprobs(args, device);
    context.launched("Sample, log-probabilities", {rows, vocab});
  }
  if (wants.adjustments) {
    args.adjustments = scratch.adjustments;
    const auto bytes = op.adjustments.size_bytes();
    context.check(context.staging->upload(scratch.adjustments, op.adjustments.data(), bytes),
                  "Sample", {rows, vocab});
    launch_adjust_logits(args, device);
    context.launched("Sample, adjustments", {rows, vocab});
  }
  if (!wants.draws && !wants.logprobs) args.params = nullptr;
  launch_sample(args, device);
  context.launched("Sample", {rows, vocab});
}

int64_t workspace_bytes(const Context&, const Sample& op) {
  Workspace workspace;
  lay_out(op, workspace);
  return workspace.bytes();
}

}  // namespace chitu::cuda
