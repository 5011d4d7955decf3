#include <fmt/format.h>

#include <cstring>
#include <numeric>
#include <vector>

#include "backend/cpu/cpu_ops.h"
#include "report.h"
#include "timing.h"

namespace chitu::bench {
namespace {

constexpr int64_t kBlockSize = 32;

struct Heads {
  std::string_view model;
  int64_t heads;
  int64_t kv_heads;
  int64_t head_dim;
};
constexpr Heads kLlama = {"llama-3.2-1b", 32, 8, 64};
constexpr Heads kQwen = {"qwen3-0.6b", 16, 8, 128};
constexpr Heads kSmol = {"smollm2-135m", 9, 3, 64};

// The last `tokens` of `sequences` contexts of `context` tokens.
struct Case {
  int64_t context;
  int64_t tokens;
  int64_t sequences;
};

// One step's attention over as many layers' caches as are to be read in turn.
class Step {
 public:
  Step(Ops& ops, const Heads& heads, DType dtype, const Case& what) : ops_(ops), heads_(heads) {
    const int64_t blocks = (what.context + kBlockSize - 1) / kBlockSize;
    const Shape shape{blocks * what.sequences, heads.kv_heads, kBlockSize, heads.head_dim};
    const int64_t bytes = bytes_for(dtype, shape.elements());
    const int64_t in_turn = static_cast<int64_t>(bytes_in_turn()) / what.tokens;
    for (int64_t n = 0; n == 0 || n < in_turn; n += 2 * bytes) {
      layers_.push_back({cache(dtype, shape, bytes), cache(dtype, shape, bytes)});
    }
    const int64_t rows = what.tokens * what.sequences;
    q_.assign(static_cast<std::size_t>(rows * heads.heads * heads.head_dim), 0.1F);
    out_ = q_;
    starts_ = {0};
    for (int64_t s = 0; s < what.sequences; ++s) {
      for (int64_t t = what.context - what.tokens; t < what.context; ++t)
        positions_.push_back(static_cast<int32_t>(t));
      starts_.push_back(static_cast<int32_t>(positions_.size()));
      lens_.push_back(static_cast<int32_t>(what.context));
    }
    table_.resize(static_cast<std::size_t>(blocks * what.sequences));
    std::iota(table_.begin(), table_.end(), 0);
    plan_ = {
        .positions = ints(positions_),
        .slots = ints(positions_),
        .q_starts = ints(starts_),
        .kv_lens = ints(lens_),
        .block_table = TensorRef::contiguous(table_.data(), DType::kI32, {what.sequences, blocks}),
        .block_size = kBlockSize,
        .num_tokens = rows,
        .num_sequences = what.sequences,
        .max_q_len = what.tokens,
        .max_kv_len = what.context};
  }

  void run() {
    const Shape shape{plan_.num_tokens, heads_.heads * heads_.head_dim};
    ops_.run(Attention{.q = TensorRef::contiguous(q_.data(), DType::kF32, shape),
                       .kv = layers_[next_],
                       .plan = &plan_,
                       .heads = heads_.heads,
                       .scale = 0.1F,
                       .out = TensorRef::contiguous(out_.data(), DType::kF32, shape)});
    next_ = (next_ + 1) % layers_.size();
  }

 private:
  static TensorRef ints(std::vector<int32_t>& v) {
    return TensorRef::contiguous(v.data(), DType::kI32, {static_cast<int64_t>(v.size())});
  }
  TensorRef cache(DType dtype, const Shape& shape, int64_t bytes) {
    buffers_.push_back(ops_.allocate(static_cast<std::size_t>(bytes)).value());
    // An ordinary number in every format.
    std::memset(buffers_.back().data(), 0x2a, static_cast<std::size_t>(bytes));
    return TensorRef::contiguous(buffers_.back().data(), dtype, shape);
  }

  Ops& ops_;
  Heads heads_;
  std::vector<Buffer> buffers_;
  std::vector<KvLayer> layers_;
  std::size_t next_ = 0;
  std::vector<float> q_, out_;
  std::vector<int32_t> positions_, starts_, lens_, table_;
  AttentionPlan plan_;
};

void bench_case(Report& report, cpu::Isa isa, const Heads& heads, DType dtype, const Case& what) {
  const bool decode = what.tokens == 1;
  const std::string label = fmt::format(
      "attention {} {} {} {} {}", name(dtype), cpu::name(isa), heads.model,
      decode ? "decode" : "prefill",
      decode ? fmt::format("{}x{}", what.sequences, what.context) : fmt::format("{}", what.tokens));
  if (!report.wants(label)) return;
  const auto ops = make_cpu_ops(report.pool(), {.max_isa = isa});
  if (!ops.ok()) return;
  Step step(**ops, heads, dtype, what);
  const double time = time_of_call(report.options().seconds, [&] { step.run(); });
  const auto values = static_cast<double>(what.sequences * what.context);
  // A token attends to itself and those before it.
  const double pairs = values * static_cast<double>(what.tokens) -
                       static_cast<double>(what.sequences * what.tokens * (what.tokens - 1) / 2);
  const double bits = 8.0 * info(dtype).block_bytes / info(dtype).block_elements;
  report.add({.kernel = label,
              .format = name(dtype),
              .tokens = what.tokens * what.sequences,
              .seconds = time,
              .bytes = 2 * values * static_cast<double>(heads.kv_heads * heads.head_dim) * bits / 8,
              .operations = 4 * pairs * static_cast<double>(heads.heads * heads.head_dim),
              .unit = fp32_unit(isa),
              .bits = bits});
}

}  // namespace

void bench_attention(Report& report) {
  constexpr Case kCases[] = {{512, 512, 1}, {2048, 2048, 1}, {512, 1, 1},
                             {2048, 1, 1},  {8192, 1, 1},    {2048, 1, 16}};
  for (const Heads& heads : {kLlama, kQwen, kSmol}) {
    for (const Case& what : kCases) bench_case(report, cpu::Isa::kAvx512, heads, DType::kF16, what);
  }
  for (const cpu::Isa isa : {cpu::Isa::kScalar, cpu::Isa::kAvx2, cpu::Isa::kAvx512}) {
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
      if (isa == cpu::Isa::kAvx512 && dtype == DType::kF16) continue;  // above
      for (const Case& what : {Case{512, 512, 1}, Case{2048, 1, 1}})
        bench_case(report, isa, kLlama, dtype, what);
    }
  }
}

}  // namespace chitu::bench
