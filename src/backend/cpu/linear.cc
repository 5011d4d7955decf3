// Linear and Embed: which kernel, on which rows, on which thread.
#include <algorithm>
#include <cstring>

#include "backend/cpu/context.h"
#include "backend/cpu/linear_table.h"
#include "backend/cpu/weight_layout.h"
#include "backend/cpu/weight_units.h"
#include "base/check.h"
#include "base/round_up.h"

namespace chitu::cpu {
namespace {

// Tokens that pass through the weights together: enough that the weights' traffic does not matter.
// Activations of up to some thousand columns stay in a second-level cache of 1 MiB (in 8 bits, with
// scales and sums, a column of a token takes 1.5 bytes); half as many tokens, for wider ones, and
// twice as many are no faster.
constexpr int64_t kMaxTokens = 128;

const LinearKernel& kernel_of(const WeightSegment& segment) {
  return linear_kernel(segment.layout);
}

// Tokens of a panel of quantized activations; 0 where no segment reads them.
int panel(const Weight& weight) {
  int tokens = 0;
  for (const WeightSegment& s : weight.segments) {
    const int own = kernel_of(s).panel;
    CHECK(tokens == 0 || own == 0 || own == tokens);
    if (own != 0) tokens = own;
  }
  return tokens;
}

bool reads(const Weight& weight, LinearInput input) {
  return std::any_of(weight.segments.begin(), weight.segments.end(),
                     [&](const WeightSegment& s) { return kernel_of(s).input == input; });
}

int64_t padded(int64_t cols) { return round_up(cols, kInputPadding); }

// Elements of T from one padded row to the next. One cache line more than the padding asks for:
// rows that lie a power of two apart would meet in few sets of the cache.
template <class T>
int64_t padded_stride(int64_t cols) {
  return padded(cols) + static_cast<int64_t>(64 / sizeof(T));
}

int scratch_rows(const Weight& weight) {
  int rows = 0;
  for (const WeightSegment& s : weight.segments) rows = std::max(rows, kernel_of(s).scratch_rows);
  return rows;
}

// The tokens [first, first + count) of the operation.
class Pass {
 public:
  Pass(Context& context, const Linear& op, int64_t first, int64_t count)
      : context_(context), op_(op), first_(first), count_(count) {}

  void run() {
    Workspace workspace(context_.workspace);
    const int64_t cols = op_.weight->cols;
    if (reads(*op_.weight, LinearInput::kFloats)) {
      floats_ = padded_rows<float>(workspace, [&](const float* x, float* y) {
        std::memcpy(y, x, static_cast<std::size_t>(cols) * sizeof(float));
      });
    }
    if (reads(*op_.weight, LinearInput::kBf16)) {
      bf16_ = padded_rows<uint16_t>(
          workspace, [&](const float* x, uint16_t* y) { context_.rows.to_bf16(x, y, cols); });
    }
    if (const int tokens = panel(*op_.weight); tokens != 0) {
      quantized_ = {.q = workspace.take<int8_t>(count_ * cols),
                    .d = workspace.take<float>(count_ * cols / 32),
                    .minus_sums = workspace.take<int32_t>(count_ * cols / 32 * 3)};
      for_each_row(context_, count_, cols, [&](int64_t t) {
        context_.rows.quantize(op_.x.row<const float>(first_ + t), quantized_row(t, tokens), cols);
      });
    }
    const int64_t scratch = scratch_rows(*op_.weight) * padded(cols);
    auto* scratch_memory = workspace.take<float>(scratch * context_.pool.size());
    context_.pool.parallel_for(units(*op_.weight), 1, [&](int64_t begin, int64_t end, int thread) {
      multiply(begin, end, scratch_memory + scratch * thread);
    });
  }

 private:
  template <class T, class Convert>
  PaddedRows<T> padded_rows(Workspace& workspace, Convert&& convert) {
    const int64_t cols = op_.weight->cols;
    const int64_t stride = padded_stride<T>(cols);
    const PaddedRows<T> rows{.data = workspace.take<T>(count_ * stride), .stride = stride};
    for_each_row(context_, count_, cols, [&](int64_t t) {
      convert(op_.x.row<const float>(first_ + t), rows.row(t));
      std::fill(rows.row(t) + cols, rows.row(t + 1), T{0});
    });
    return rows;
  }

  // Token t's place in its panel of at most `most` tokens.
  QuantizedRow quantized_row(int64_t t, int64_t most) const {
    int64_t first = t / most * most;
    int64_t tokens = panel_tokens(count_ - first, most);
    while (t >= first + tokens) {
      first += tokens;
      tokens = panel_tokens(count_ - first, tokens);
    }
    const int64_t cols = op_.weight->cols;
    const bool by_blocks = tokens == kBlockPanel;
    return {.q = quantized_.q + first * cols + (t - first) * (by_blocks ? 32 : 4),
            .d = quantized_.d + first * cols / 32 + (t - first),
            .minus_sums = quantized_.minus_sums + first * cols / 32 * 3 + (t - first),
            .stride = tokens,
            .word_stride = by_blocks ? 1 : tokens};
  }

  // Units [begin, end) of the weight.
  void multiply(int64_t begin, int64_t end, float* scratch) const {
    for_each_segment(*op_.weight, begin, end, [&](std::size_t i, int64_t from, int64_t to) {
      int64_t row = 0;
      for (std::size_t before = 0; before < i; ++before) row += op_.weight->segments[before].rows;
      multiply_segment(op_.weight->segments[i], row, from, to, scratch);
    });
  }

  // Rows [from, to) of the segment whose first is row `row` of the weight.
  void multiply_segment(const WeightSegment& segment, int64_t row, int64_t from, int64_t to,
                        float* scratch) const {
    const LinearCall call{
        .weights = static_cast<const std::byte*>(segment.buffers[0].data()),
        .rows = segment.rows,
        .cols = op_.weight->cols,
        .tokens = count_,
        .floats = floats_,
        .bf16 = bf16_,
        .quantized = quantized_,
        .bias = op_.bias.empty() ? nullptr : op_.bias.row<const float>(0) + row,
        .y = op_.y.row<float>(first_) + row,
        .y_stride = op_.y.row_stride,
        .scratch = scratch,
    };
    kernel_of(segment).multiply(call, from, to);
  }

  Context& context_;
  const Linear& op_;
  int64_t first_;
  int64_t count_;
  PaddedRows<float> floats_{};
  PaddedRows<uint16_t> bf16_{};
  QuantizedRow quantized_{};
};

}  // namespace

void run(Context& context, const Linear& op) {
  for (int64_t first = 0; first < op.x.rows(); first += kMaxTokens) {
    Pass(context, op, first, std::min(kMaxTokens, op.x.rows() - first)).run();
  }
}

int64_t workspace_bytes(const Context& context, const Linear& op) {
  // A weight that is not loaded yet, in a dry run, says nothing of its kernels: assume all kinds.
  const bool loaded = !op.weight->segments.empty() && !op.weight->segments[0].buffers.empty();
  const int64_t tokens = std::min(kMaxTokens, op.x.rows());
  const int64_t values = tokens * op.x.cols();
  int64_t bytes = 0;
  if (!loaded || reads(*op.weight, LinearInput::kFloats))
    bytes += Workspace::bytes<float>(tokens * padded_stride<float>(op.x.cols()));
  if (!loaded || reads(*op.weight, LinearInput::kBf16))
    bytes += Workspace::bytes<uint16_t>(tokens * padded_stride<uint16_t>(op.x.cols()));
  if (!loaded || panel(*op.weight) != 0) {
    bytes += Workspace::bytes<int8_t>(values) + Workspace::bytes<float>(values / 32) +
             Workspace::bytes<int32_t>(values / 32 * 3);
  }
  const int rows = loaded ? scratch_rows(*op.weight) : kMaxScratchRows;
  return bytes + Workspace::bytes<float>(rows * padded(op.x.cols()) * context.pool.size());
}

void run(Context& context, const Embed& op) {
  const auto* ids = op.ids.row<const int32_t>(0);
  for_each_row(context, op.ids.cols(), op.y.cols(), [&](int64_t t) {
    int64_t row = ids[t];
    for (const WeightSegment& segment : op.table->segments) {
      if (row >= segment.rows) {
        row -= segment.rows;
        continue;
      }
      float* y = op.y.row<float>(t);
      weight_layout(kernel_of(segment).layout)
          .decode_row(segment.format, static_cast<const std::byte*>(segment.buffers[0].data()), row,
                      op.table->cols, y);
      if (op.scale != 1.0F) context.rows.scale(y, op.scale, op.y.cols());
      return;
    }
  });
}

}  // namespace chitu::cpu
