#include <fmt/format.h>

#include <cstring>
#include <numeric>
#include <vector>

#include "arithmetic.h"
#include "backend/cpu/cpu_ops.h"
#include "bandwidth.h"
#include "benches.h"
#include "stopwatch.h"

namespace chitu::bench {
namespace {

constexpr double kSeconds = 0.3;  // of one measurement
constexpr int64_t kBlockSize = 32;
// Caches are read in turn until so much has been read: what is read lies in memory.
constexpr int64_t kBytesInTurn = int64_t{192} << 20;

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
    for (int64_t n = 0; n == 0 || n < kBytesInTurn / what.tokens; n += 2 * bytes) {
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

// What the machine could do, measured when it is first asked for.
class Ceilings {
 public:
  explicit Ceilings(ThreadPool& pool) : pool_(pool) {}

  double bytes_per_second() {
    if (bytes_ > 0) return bytes_;
    const auto set = ceilings::WorkingSet::make(static_cast<std::size_t>(kBytesInTurn),
                                                ceilings::Pages::kHuge, pool_);
    if (set.ok()) bytes_ = set->measure(ceilings::best_read(), pool_, kSeconds);
    return bytes_;
  }
  double flops_per_second(std::string_view unit) {
    if (unit == unit_) return flops_;
    unit_ = unit;
    for (const ceilings::Arithmetic& a : ceilings::all_arithmetic()) {
      if (a.name == unit && a.is_supported()) flops_ = measure(a, pool_, kSeconds);
    }
    return flops_;
  }

 private:
  ThreadPool& pool_;
  double bytes_ = 0;
  std::string_view unit_;
  double flops_ = 0;
};

class AttentionBench {
 public:
  AttentionBench(ThreadPool& pool, std::string filter)
      : pool_(pool), filter_(std::move(filter)), ceilings_(pool) {}

  void run(cpu::Isa isa, const Heads& heads, DType dtype, const Case& what) {
    const bool decode = what.tokens == 1;
    const std::string label =
        fmt::format("attention {} {} {} {} {}", name(dtype), cpu::name(isa), heads.model,
                    decode ? "decode" : "prefill",
                    decode ? fmt::format("{}x{}", what.sequences, what.context)
                           : fmt::format("{}", what.tokens));
    if (label.find(filter_) == std::string::npos) return;
    const auto ops = make_cpu_ops(pool_, {.max_isa = isa});
    if (!ops.ok()) return;
    Step step(**ops, heads, dtype, what);
    const double time = ceilings::best_time(kSeconds, [&] { step.run(); });
    if (decode) {
      const double bytes = 2.0 * static_cast<double>(what.sequences * heads.kv_heads) *
                           static_cast<double>(bytes_for(dtype, what.context * heads.head_dim));
      print(label, bytes / time, "GB/s", ceilings_.bytes_per_second());
    } else {
      const auto pairs = static_cast<double>(what.tokens * (what.tokens + 1) / 2);
      print(label, 4.0 * static_cast<double>(heads.heads * heads.head_dim) * pairs / time,
            "GFLOP/s", ceilings_.flops_per_second(unit(isa)));
    }
  }

 private:
  static std::string_view unit(cpu::Isa isa) {
    if (isa >= cpu::Isa::kAvx512) return "fp32_avx512";
    return isa >= cpu::Isa::kAvx2 ? "fp32_avx2" : "fp32_scalar";
  }
  static void print(const std::string& label, double rate, std::string_view of, double ceiling) {
    fmt::print("{:52} {:8.1f} {:8} {:4.0f} %\n", label, rate * 1e-9, of, 100 * rate / ceiling);
  }

  ThreadPool& pool_;
  std::string filter_;
  Ceilings ceilings_;
};

}  // namespace

void bench_attention(ThreadPool& pool, const std::string& filter) {
  AttentionBench bench(pool, filter);
  constexpr Case kCases[] = {{512, 512, 1}, {2048, 2048, 1}, {512, 1, 1},
                             {2048, 1, 1},  {8192, 1, 1},    {2048, 1, 16}};
  for (const Heads& heads : {kLlama, kQwen, kSmol}) {
    for (const Case& what : kCases) bench.run(cpu::Isa::kAvx512, heads, DType::kF16, what);
  }
  for (const cpu::Isa isa : {cpu::Isa::kScalar, cpu::Isa::kAvx2, cpu::Isa::kAvx512}) {
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
      if (isa == cpu::Isa::kAvx512 && dtype == DType::kF16) continue;  // above
      for (const Case& what : {Case{512, 512, 1}, Case{2048, 1, 1}})
        bench.run(isa, kLlama, dtype, what);
    }
  }
}

}  // namespace chitu::bench
