#include "ops/check_shapes.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>

namespace chitu {
namespace {

constexpr std::array<std::string_view, std::variant_size_v<Op>> kNames = {
    "Embed",  "Linear",           "RmsNorm",    "Add",        "GatedActivation", "RopeAngles",
    "Rope",   "StoreKv",          "Attention",  "GatherRows", "Softcap",         "Scale",
    "Sample", "AllReduceAddNorm", "RopeStoreKv"};

bool is_float(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
}

bool is_cache_dtype(DType type, int64_t head_dim) {
  return is_float(type) || (type == DType::kQ8_0 && head_dim % info(type).block_elements == 0);
}

// Collects the first mismatch of one operation, so that the checks below read as a table.
class Checker {
 public:
  explicit Checker(std::string_view op) : op_(op) {}

  Status status() && {
    if (error_) return *std::move(error_);
    return {};
  }

  void fail(std::string_view operand, const std::string& found, const std::string& wanted) {
    if (error_) return;
    error_ = make_error(ErrorCode::kInternal, "{}: {}: found {}, wanted {}", op_, operand, found,
                        wanted);
  }

  void number(std::string_view field, bool fits, int64_t found, std::string_view wanted) {
    if (!fits) fail(field, std::to_string(found), std::string(wanted));
  }

  // A matrix view: leading dimensions count as rows, which may lie apart.
  void matrix(std::string_view operand, const TensorRef& x, int64_t rows, int64_t cols) {
    if (x.rows() != rows || x.cols() != cols) {
      fail(operand, to_string(x.shape), to_string(Shape{rows, cols}));
    }
    if (x.rows() > 1 && x.row_stride < x.cols()) {
      fail(operand, "row stride " + std::to_string(x.row_stride),
           "at least " + std::to_string(cols));
    }
  }
  void floats(std::string_view operand, const TensorRef& x, int64_t rows, int64_t cols) {
    matrix(operand, x, rows, cols);
    if (!is_float(x.dtype)) fail(operand, std::string(name(x.dtype)), "F32, F16 or BF16");
  }

  void vector(std::string_view operand, const TensorRef& x, DType type, int64_t n) {
    if (x.shape.rank() != 1 || x.shape[0] != n)
      fail(operand, to_string(x.shape), to_string(Shape{n}));
    dtype(operand, x, type);
  }
  void optional_vector(std::string_view operand, const TensorRef& x, DType type, int64_t n) {
    if (!x.empty()) vector(operand, x, type, n);
  }

  void dtype(std::string_view operand, const TensorRef& x, DType type) {
    if (x.dtype != type) fail(operand, std::string(name(x.dtype)), std::string(name(type)));
  }

  void weight(std::string_view operand, const Weight* w, int64_t cols) {
    if (w == nullptr) return fail(operand, "nothing", "a weight");
    if (w->cols != cols)
      fail(operand, to_string(Shape{w->rows, w->cols}), "columns " + std::to_string(cols));
    if (w->empty()) return;  // not loaded, as in a dry run
    int64_t rows = 0;
    for (const WeightSegment& segment : w->segments) rows += segment.rows;
    number("weight's segments", rows == w->rows, rows, "rows " + std::to_string(w->rows));
  }

  void kv(const KvLayer& layer, const AttentionPlan* plan, int64_t kv_heads, int64_t head_dim) {
    for (const auto& [operand, x] : {std::pair{"kv.k", &layer.k}, std::pair{"kv.v", &layer.v}}) {
      if (x->shape.rank() != 4) return fail(operand, to_string(x->shape), "four dimensions");
      const Shape wanted{x->shape[0], kv_heads, plan->block_size, head_dim};
      if (x->shape != wanted) fail(operand, to_string(x->shape), to_string(wanted));
      if (!x->is_contiguous()) fail(operand, "rows apart", "contiguous");
      if (!is_cache_dtype(x->dtype, head_dim)) {
        fail(operand, std::string(name(x->dtype)),
             "F32, F16, BF16, or Q8_0 for a head_dim that is a multiple of 32");
      }
    }
    if (layer.k.shape != layer.v.shape)
      fail("kv.v", to_string(layer.v.shape), to_string(layer.k.shape));
  }

  // False when there is no plan to check anything else against.
  bool plan(const AttentionPlan* p, int64_t tokens) {
    if (p == nullptr) {
      fail("plan", "nothing", "an AttentionPlan");
      return false;
    }
    number("plan.num_tokens", p->num_tokens == tokens, p->num_tokens, std::to_string(tokens));
    number("plan.block_size", p->block_size > 0, p->block_size, "at least 1");
    vector("plan.positions", p->positions, DType::kI32, tokens);
    optional_vector("plan.rope_lens", p->rope_lens, DType::kI32, tokens);
    vector("plan.slots", p->slots, DType::kI32, tokens);
    vector("plan.q_starts", p->q_starts, DType::kI32, p->num_sequences + 1);
    vector("plan.kv_lens", p->kv_lens, DType::kI32, p->num_sequences);
    const TensorRef& table = p->block_table;
    matrix("plan.block_table", table, p->num_sequences, table.cols());
    dtype("plan.block_table", table, DType::kI32);
    number("plan.max_kv_len", p->max_kv_len <= table.cols() * p->block_size, p->max_kv_len,
           "what the block table's columns hold");
    number("plan.max_q_len", p->max_q_len <= tokens, p->max_q_len,
           "at most " + std::to_string(tokens));
    return true;
  }

 private:
  std::string_view op_;
  std::optional<Error> error_;
};

void check(Checker& c, const Embed& op) {
  c.vector("ids", op.ids, DType::kI32, op.ids.cols());
  c.weight("table", op.table, op.y.cols());
  c.floats("y", op.y, op.ids.cols(), op.y.cols());
}

void check(Checker& c, const Linear& op) {
  c.floats("x", op.x, op.x.rows(), op.x.cols());
  c.weight("weight", op.weight, op.x.cols());
  const int64_t out = op.weight != nullptr ? op.weight->rows : 0;
  c.optional_vector("bias", op.bias, DType::kF32, out);
  c.floats("y", op.y, op.x.rows(), out);
}

void check(Checker& c, const RmsNorm& op) {
  c.floats("x", op.x, op.x.rows(), op.x.cols());
  c.vector("weight", op.weight, DType::kF32, op.x.cols());
  c.floats("y", op.y, op.x.rows(), op.x.cols());
}

void check(Checker& c, const Add& op) {
  c.floats("a", op.a, op.a.rows(), op.a.cols());
  c.floats("b", op.b, op.a.rows(), op.a.cols());
  c.floats("y", op.y, op.a.rows(), op.a.cols());
}

void check(Checker& c, const GatedActivation& op) {
  c.floats("y", op.y, op.y.rows(), op.y.cols());
  c.floats("gate_up", op.gate_up, op.y.rows(), 2 * op.y.cols());
}

void check(Checker& c, const RopeAngles& op) {
  const int64_t tokens = op.positions.cols();
  c.vector("positions", op.positions, DType::kI32, tokens);
  c.optional_vector("ntk.lens", op.ntk.lens, DType::kI32, tokens);
  c.vector("inv_freq", op.inv_freq, DType::kF32, op.inv_freq.cols());
  c.matrix("cos", op.cos, tokens, op.inv_freq.cols());
  c.dtype("cos", op.cos, DType::kF32);
  c.matrix("sin", op.sin, tokens, op.inv_freq.cols());
  c.dtype("sin", op.sin, DType::kF32);
}

void check_rotation(Checker& c, const TensorRef& cos, const TensorRef& sin, int64_t tokens,
                    int64_t head_dim) {
  c.matrix("cos", cos, tokens, cos.cols());
  c.dtype("cos", cos, DType::kF32);
  c.matrix("sin", sin, tokens, cos.cols());
  c.dtype("sin", sin, DType::kF32);
  c.number("rotary_dim", 2 * cos.cols() <= head_dim, 2 * cos.cols(),
           "at most head_dim " + std::to_string(head_dim));
}

void check(Checker& c, const Rope& op) {
  c.number("head_dim", op.head_dim > 0 && op.x.cols() % op.head_dim == 0, op.head_dim,
           "a divisor of x's columns " + std::to_string(op.x.cols()));
  c.floats("x", op.x, op.x.rows(), op.x.cols());
  check_rotation(c, op.cos, op.sin, op.x.rows(), op.head_dim);
}

void check(Checker& c, const StoreKv& op) {
  if (!c.plan(op.plan, op.k.rows())) return;
  const int64_t kv_heads = op.kv.k.shape.rank() == 4 ? op.kv.k.shape[1] : 0;
  const int64_t head_dim = op.kv.k.shape.back();
  c.kv(op.kv, op.plan, kv_heads, head_dim);
  c.floats("k", op.k, op.k.rows(), kv_heads * head_dim);
  c.floats("v", op.v, op.k.rows(), kv_heads * head_dim);
}

void check(Checker& c, const Attention& op) {
  if (!c.plan(op.plan, op.q.rows())) return;
  const int64_t kv_heads = op.kv.k.shape.rank() == 4 ? op.kv.k.shape[1] : 0;
  const int64_t head_dim = op.kv.k.shape.back();
  c.kv(op.kv, op.plan, kv_heads, head_dim);
  c.number("heads", kv_heads > 0 && op.heads % kv_heads == 0, op.heads,
           "a multiple of kv_heads " + std::to_string(kv_heads));
  c.number("window", op.window >= 0, op.window, "0 or more");
  c.floats("q", op.q, op.q.rows(), op.heads * head_dim);
  c.floats("out", op.out, op.q.rows(), op.heads * head_dim);
}

void check(Checker& c, const GatherRows& op) {
  c.vector("rows", op.rows, DType::kI32, op.rows.cols());
  c.floats("x", op.x, op.x.rows(), op.x.cols());
  c.floats("y", op.y, op.rows.cols(), op.x.cols());
}

void check(Checker& c, const Softcap& op) {
  c.floats("x", op.x, op.x.rows(), op.x.cols());
  c.number("cap", op.cap > 0, static_cast<int64_t>(op.cap), "a positive number");
}

void check(Checker& c, const Scale& op) { c.floats("x", op.x, op.x.rows(), op.x.cols()); }

void check_adjustments(Checker& c, const Sample& op) {
  const std::span<const int32_t> starts = op.adjustment_starts;
  const auto rows = static_cast<int64_t>(op.params.size());
  const auto total = static_cast<int64_t>(op.adjustments.size());
  if (starts.empty()) {
    return c.number("adjustments", total == 0, total, "none without adjustment_starts");
  }
  const auto size = static_cast<int64_t>(starts.size());
  c.number("adjustment_starts", size == rows + 1, size, std::to_string(rows + 1) + " numbers");
  c.number("adjustment_starts", starts.front() == 0, starts.front(), "0 first");
  c.number("adjustment_starts", std::is_sorted(starts.begin(), starts.end()), size,
           "ascending numbers");
  c.number("adjustment_starts", starts.back() == total, starts.back(),
           "the number of adjustments, " + std::to_string(total) + ", last");
  for (const LogitAdjustment& a : op.adjustments) {
    c.number("adjustments' token", a.token >= 0 && a.token < op.logits.cols(), a.token,
             "an id below " + std::to_string(op.logits.cols()));
  }
}

void check(Checker& c, const Sample& op) {
  const auto rows = static_cast<int64_t>(op.params.size());
  c.matrix("logits", op.logits, rows, op.logits.cols());
  c.dtype("logits", op.logits, DType::kF32);
  c.vector("ids", op.ids, DType::kI32, rows);
  check_adjustments(c, op);
  int32_t top = -1;
  for (const SamplingParams& params : op.params) top = std::max(top, params.top_logprobs);
  c.number("top_logprobs", top <= kMaxTopLogprobs, top,
           "at most " + std::to_string(kMaxTopLogprobs));
  if (top < 0 && op.logprobs.empty() && op.logprob_ids.empty()) return;
  c.matrix("logprob_ids", op.logprob_ids, rows, 1 + kMaxTopLogprobs);
  c.dtype("logprob_ids", op.logprob_ids, DType::kI32);
  c.matrix("logprobs", op.logprobs, rows, 1 + kMaxTopLogprobs);
  c.dtype("logprobs", op.logprobs, DType::kF32);
}

void check(Checker& c, const AllReduceAddNorm& op) {
  c.floats("x", op.x, op.x.rows(), op.x.cols());
  c.floats("residual", op.residual, op.x.rows(), op.x.cols());
  c.vector("weight", op.weight, DType::kF32, op.x.cols());
  c.floats("y", op.y, op.x.rows(), op.x.cols());
}

void check(Checker& c, const RopeStoreKv& op) {
  const int64_t tokens = op.qkv.rows();
  if (!c.plan(op.plan, tokens)) return;
  c.floats("qkv", op.qkv, tokens, (op.heads + 2 * op.kv_heads) * op.head_dim);
  c.optional_vector("q_norm", op.q_norm, DType::kF32, op.head_dim);
  c.optional_vector("k_norm", op.k_norm, DType::kF32, op.head_dim);
  check_rotation(c, op.cos, op.sin, tokens, op.head_dim);
  c.kv(op.kv, op.plan, op.kv_heads, op.head_dim);
}

}  // namespace

Status check_shapes(const Op& op) {
  Checker checker(op_name(op));
  std::visit([&](const auto& o) { check(checker, o); }, op);
  return std::move(checker).status();
}

std::string_view op_name(const Op& op) { return kNames[op.index()]; }

}  // namespace chitu
