#include "engine/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/counted.h"
#include "base/memory_info.h"
#include "base/round_up.h"
#include "model/load.h"
#include "ops/dry_run.h"

namespace chitu {
namespace {

// Slots are I32.
constexpr int64_t kMaxCacheTokens = INT32_MAX;
// No shorter cache is worth proposing.
constexpr int64_t kMinSeqLen = 128;

// Left for everything else that runs: a machine that swaps is slower than a smaller cache.
int64_t without_reserve(int64_t available) {
  constexpr int64_t kLeast = int64_t{256} << 20;
  return std::max<int64_t>(available - std::max(available / 20, kLeast), 0);
}

// Sets everything that follows from the length and number of requests.
void set_sizes(MemoryPlan& plan, const EngineOptions& options, int64_t max_seq_len) {
  plan.max_seq_len = max_seq_len;
  plan.max_reqs = options.max_reqs;
  // A step has room for one token of every request.
  plan.max_step_tokens =
      std::max(options.max_reqs, std::min(options.max_step_tokens, max_seq_len * plan.max_reqs));
  plan.kv.block_size = options.block_size == 0 ? max_seq_len : options.block_size;
  plan.blocks_per_sequence = div_up(max_seq_len, plan.kv.block_size);
  plan.num_blocks = options.num_blocks;
  // One request of the greatest length fits in any case.
  plan.kv.num_blocks = options.num_blocks > 0
                           ? std::max(options.num_blocks, plan.blocks_per_sequence)
                           : plan.blocks_per_sequence * plan.max_reqs;
}

// Of ids and log-probabilities.
int64_t sampled_bytes(int64_t rows) {
  return bytes_for(DType::kI32, rows) +
         rows * (1 + kMaxTopLogprobs) * (bytes_for(DType::kI32, 1) + bytes_for(DType::kF32, 1));
}

// With everything that a request can ask for.
void run_sample(Ops& ops, const TensorRef& logits) {
  void* const nowhere = reinterpret_cast<void*>(Arena::kAlignment);
  const int64_t rows = logits.rows();
  const std::vector<SamplingParams> params(
      static_cast<std::size_t>(rows),
      {.temperature = 1, .top_k = 1, .top_logprobs = kMaxTopLogprobs});
  const Shape shape{rows, 1 + kMaxTopLogprobs};
  ops.run(Sample{.logits = logits,
                 .params = params,
                 .adjustment_starts = {},
                 .adjustments = {},
                 .ids = TensorRef::contiguous(nowhere, DType::kI32, Shape{rows}),
                 .logprob_ids = TensorRef::contiguous(nowhere, DType::kI32, shape),
                 .logprobs = TensorRef::contiguous(nowhere, DType::kF32, shape)});
}

// Finds the workspace of a plan by running the model's largest steps, a prompt's and a decoding
// one, on operations that only measure.
class Meter {
 public:
  static Result<Meter> create(const Checkpoint& checkpoint, const ModelConfig& config,
                              const Ops& ops) {
    TRY(model, make_unloaded_model(checkpoint, config, ops));
    return Meter(std::move(model), ops);
  }

  Status measure(MemoryPlan& plan) const {
    const std::vector<KvLayer> kv = KvCache::unallocated(plan.kv);
    void* const nowhere = reinterpret_cast<void*>(Arena::kAlignment);
    const StepShape prompt = plan.largest_step();
    StepShape decode = prompt;
    decode.tokens = plan.max_reqs;
    decode.max_q_len = 1;

    DryRunOps dry(*ops_);
    Arena arena;
    for (const StepShape& shape : {prompt, decode}) {
      arena.reset();
      const StepInputs inputs = step_inputs(shape, plan.kv.block_size, nowhere);
      Step step{.ops = dry,
                .arena = arena,
                .attention = inputs.attention,
                .ids = inputs.ids,
                .wanted_rows = inputs.wanted_rows,
                .kv = kv};
      run_sample(dry, model_->logits(step, model_->forward(step)));
      TRY_STATUS(dry.synchronize());
    }
    plan.activations = static_cast<int64_t>(arena.peak());
    plan.scratch = dry.workspace_peak();
    plan.inputs = step_input_bytes(prompt) + sampled_bytes(plan.max_reqs);
    return {};
  }

 private:
  Meter(std::unique_ptr<Model> model, const Ops& ops) : model_(std::move(model)), ops_(&ops) {}

  std::unique_ptr<Model> model_;
  const Ops* ops_;
};

Status check_options(const EngineOptions& options, const ModelConfig& config) {
  const int64_t limit = context_limit(config);
  if (options.max_seq_len > limit) {
    return make_error(ErrorCode::kInvalidArgument, "infer.max_seq_len={}: the model's limit is {}",
                      options.max_seq_len, counted(limit, "token"));
  }
  if (options.max_reqs < 1 || options.max_step_tokens < 1 || options.max_seq_len < 0 ||
      options.block_size < 0 || options.block_size > kMaxCacheTokens || options.num_blocks < 0) {
    return make_error(ErrorCode::kInvalidArgument,
                      "max_reqs and max_step_tokens must be positive, max_seq_len, block_size and "
                      "num_blocks not negative");
  }
  if (const int64_t block = info(options.kv_dtype).block_elements; config.head_dim % block != 0) {
    return make_error(ErrorCode::kInvalidArgument,
                      "a KV cache in {} takes head_dim in multiples of {}; the model's is {}: set "
                      "infer.cache_dtype=float16",
                      name(options.kv_dtype), block, config.head_dim);
  }
  if (std::max(options.max_seq_len, kMinSeqLen) + options.block_size >
      kMaxCacheTokens / options.max_reqs) {
    return make_error(ErrorCode::kInvalidArgument,
                      "infer.max_seq_len={} times infer.max_reqs={} is beyond {} tokens",
                      options.max_seq_len, options.max_reqs, kMaxCacheTokens);
  }
  return {};
}

// REQUIRES: check_options().ok()
Status check_num_blocks(const MemoryPlan& plan) {
  if (plan.kv.num_blocks > kMaxCacheTokens / plan.kv.block_size) {
    return make_error(ErrorCode::kInvalidArgument,
                      "infer.num_blocks={}: blocks of {} are beyond {} tokens", plan.kv.num_blocks,
                      counted(plan.kv.block_size, "token"), kMaxCacheTokens);
  }
  return {};
}

// The largest value in [1, high] that is a multiple of `step` (or 1) for which fits(value); 0 when
// none is. Larger values need more memory.
template <class Fits>
Result<int64_t> largest_that_fits(int64_t high, int64_t step, Fits fits) {
  int64_t low_steps = 0;
  int64_t high_steps = high / step;
  while (low_steps < high_steps) {
    const int64_t middle = (low_steps + high_steps + 1) / 2;
    TRY(ok, fits(middle * step));
    if (ok) {
      low_steps = middle;
    } else {
      high_steps = middle - 1;
    }
  }
  return low_steps * step;
}

EngineOptions options_of(const MemoryPlan& plan) {
  return {.max_seq_len = plan.max_seq_len,
          .max_reqs = plan.max_reqs,
          .max_step_tokens = plan.max_step_tokens,
          .block_size = plan.blocks_per_sequence == 1 ? 0 : plan.kv.block_size,
          .num_blocks = plan.num_blocks,
          .kv_dtype = plan.kv.dtype};
}

Result<bool> fits(MemoryPlan plan, const EngineOptions& options, int64_t max_seq_len,
                  const Meter& meter) {
  set_sizes(plan, options, max_seq_len);
  TRY_STATUS(meter.measure(plan));
  return plan.fits();
}

Result<int64_t> max_seq_len_that_fits(const MemoryPlan& plan, const EngineOptions& options,
                                      const Meter& meter) {
  return largest_that_fits(plan.max_seq_len, kMinSeqLen, [&](int64_t max_seq_len) {
    return fits(plan, options, max_seq_len, meter);
  });
}

Result<int64_t> max_reqs_that_fits(const MemoryPlan& plan, EngineOptions options,
                                   const Meter& meter) {
  return largest_that_fits(plan.max_reqs, 1, [&](int64_t max_reqs) {
    options.max_reqs = max_reqs;
    return fits(plan, options, plan.max_seq_len, meter);
  });
}

Result<int64_t> num_blocks_that_fit(const MemoryPlan& plan, EngineOptions options,
                                    const Meter& meter) {
  return largest_that_fits(plan.kv.num_blocks, 1, [&](int64_t num_blocks) {
    options.num_blocks = num_blocks;
    return fits(plan, options, plan.max_seq_len, meter);
  });
}

// Each a change that would make `plan` fit, as the user would write it.
Result<std::vector<std::string>> settings_that_fit(const MemoryPlan& plan, const Meter& meter) {
  std::vector<std::string> found;
  EngineOptions options = options_of(plan);
  TRY(max_seq_len, max_seq_len_that_fits(plan, options, meter));
  if (max_seq_len > 0) found.push_back(fmt::format("infer.max_seq_len={}", max_seq_len));
  TRY(max_reqs, max_reqs_that_fits(plan, options, meter));
  if (max_reqs > 0) found.push_back(fmt::format("infer.max_reqs={}", max_reqs));
  if (plan.num_blocks > 0) {
    TRY(num_blocks, num_blocks_that_fit(plan, options, meter));
    if (num_blocks > 0) found.push_back(fmt::format("infer.num_blocks={}", num_blocks));
  }
  constexpr std::array<std::pair<DType, std::string_view>, 2> kSmaller = {
      {{DType::kF16, "float16"}, {DType::kQ8_0, "q8_0"}}};
  for (const auto& [dtype, setting] : kSmaller) {
    MemoryPlan smaller = plan;
    smaller.kv.dtype = dtype;
    if (plan.kv.spec.head_dim % info(dtype).block_elements == 0 &&
        smaller.kv.bytes() < plan.kv.bytes() && smaller.fits()) {
      found.push_back(fmt::format("infer.cache_dtype={}", setting));
      break;
    }
  }
  if (found.empty() && (plan.max_reqs > 1 || plan.num_blocks > 0)) {
    options.max_reqs = 1;
    options.num_blocks = 0;
    TRY(length, max_seq_len_that_fits(plan, options, meter));
    if (length > 0) {
      found.push_back(fmt::format("{}infer.max_reqs=1 infer.max_seq_len={}",
                                  plan.num_blocks > 0 ? "infer.num_blocks=auto " : "", length));
    }
  }
  return found;
}

// How many tokens the KV cache holds: blocks where their number was set.
std::string cache_size(const MemoryPlan& plan) {
  if (plan.num_blocks == 0) return fmt::format("{} x {} tokens", plan.max_reqs, plan.max_seq_len);
  return fmt::format("{} of {}", counted(plan.kv.num_blocks, "block"),
                     counted(plan.kv.block_size, "token"));
}

// The plan that takes least, but for the KV cache's number format.
Result<MemoryPlan> smallest(const MemoryPlan& plan, const Meter& meter) {
  MemoryPlan least = plan;
  EngineOptions options = options_of(plan);
  options.max_reqs = 1;
  options.num_blocks = 0;
  set_sizes(least, options, std::min(kMinSeqLen, plan.max_seq_len));
  TRY_STATUS(meter.measure(least));
  return least;
}

}  // namespace

StepShape MemoryPlan::largest_step() const {
  return {.tokens = max_step_tokens,
          .sequences = max_reqs,
          .wanted_rows = max_reqs,
          .blocks_per_sequence = blocks_per_sequence,
          .max_q_len = std::min(max_step_tokens, max_seq_len),
          .max_kv_len = max_seq_len};
}

Result<MemoryPlan> plan_memory(const Checkpoint& checkpoint, const ModelConfig& config,
                               const Ops& ops, const EngineOptions& options) {
  TRY_STATUS(check_options(options, config));
  MemoryPlan plan;
  TRY(weights, plan_weights(checkpoint, config, ops));
  plan.weights = std::move(weights);
  plan.kv.spec = kv_spec(config);
  plan.kv.dtype = options.kv_dtype;
  plan.limit =
      options.memory_limit > 0 ? options.memory_limit : without_reserve(memory_info().available);

  int64_t max_seq_len = options.max_seq_len;
  if (max_seq_len == 0) {
    max_seq_len = std::min(kDefaultMaxSeqLen, context_limit(config));
  }
  set_sizes(plan, options, max_seq_len);
  TRY_STATUS(check_num_blocks(plan));
  TRY(meter, Meter::create(checkpoint, config, ops));
  TRY_STATUS(meter.measure(plan));
  if (options.max_seq_len == 0 && !plan.fits()) {
    TRY(shorter, max_seq_len_that_fits(plan, options, meter));
    if (shorter > 0) set_sizes(plan, options, shorter);
    TRY_STATUS(meter.measure(plan));
  }
  return plan;
}

Status check_fits(const MemoryPlan& plan, const Checkpoint& checkpoint, const ModelConfig& config,
                  const Ops& ops) {
  if (plan.fits()) return {};
  TRY(meter, Meter::create(checkpoint, config, ops));
  TRY(settings, settings_that_fit(plan, meter));
  if (settings.empty()) {
    TRY(least, smallest(plan, meter));
    return make_error(ErrorCode::kResourceExhausted,
                      "{}: it does not fit, whatever the settings: {} with infer.max_reqs=1 "
                      "infer.max_seq_len={}; a smaller or more strongly quantized model would",
                      one_line(plan), format_bytes(least.total()), least.max_seq_len);
  }
  return make_error(ErrorCode::kResourceExhausted, "{}: it does not fit; {} would", one_line(plan),
                    fmt::join(settings, " or "));
}

std::string format_bytes(int64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, unit == 0 || value >= 100 ? 0 : 1, kUnits[unit]);
}

std::string one_line(const MemoryPlan& plan) {
  return fmt::format(
      "memory: {} (weights {}, KV cache {} for {} in {}, workspace {}) of {} available",
      format_bytes(plan.total()), format_bytes(plan.weights.prepared_bytes),
      format_bytes(plan.kv.bytes()), cache_size(plan), name(plan.kv.dtype),
      format_bytes(plan.workspace()), format_bytes(plan.limit));
}

std::string table(const MemoryPlan& plan) {
  std::string text;
  const auto row = [&](std::string_view what, int64_t bytes, std::string_view why) {
    text += fmt::format("  {:<14} {:>10}   {}\n", what, format_bytes(bytes), why);
  };
  std::vector<std::string> formats;
  for (const WeightPlan::Format& f : plan.weights.formats) {
    formats.push_back(fmt::format("{} {}", f.tensors, name(f.format)));
  }
  row("weights", plan.weights.prepared_bytes,
      fmt::format("tensors: {}; {} in the files", fmt::join(formats, ", "),
                  format_bytes(plan.weights.file_bytes)));
  row("KV cache", plan.kv.bytes(),
      fmt::format("{}, {}, {} a token",
                  plan.num_blocks == 0 ? fmt::format("infer.max_reqs={} x infer.max_seq_len={}",
                                                     plan.max_reqs, plan.max_seq_len)
                                       : cache_size(plan),
                  name(plan.kv.dtype),
                  format_bytes(bytes_for(plan.kv.dtype, plan.kv.spec.values_per_token()))));
  row("workspace", plan.workspace(),
      fmt::format("steps of {}", counted(plan.max_step_tokens, "token")));
  row("total", plan.total(), "");
  row("available", plan.limit, plan.fits() ? "" : "too little");
  return text;
}

}  // namespace chitu
