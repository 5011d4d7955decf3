// Linear: which kernel, on which segment. A few tokens go through kernels of our own, which read
// the weights once at memory speed; many through cuBLASLt, unless no result may depend on the
// batch: cuBLASLt's way of adding up depends on the number of tokens, that of our kernels does not.
#include <algorithm>

#include "backend/cuda/context.h"
#include "backend/cuda/linear_table.h"
#include "backend/cuda/matmul_lt.h"
#include "backend/cuda/operations.h"
#include "backend/cuda/weight_layout.h"
#include "base/check.h"

namespace chitu::cuda {
namespace {

// Weights that cuBLASLt cannot read as they are are unpacked into the workspace so many bytes at a
// time: enough rows to fill the device.
constexpr int64_t kUnpackedBytes = int64_t{64} << 20;
constexpr int64_t kRowUnit = 128;

int64_t value_bytes(DType type) { return info(type).block_bytes; }

// Whether kernels can read x as it is: whole pieces of 16 bytes, up to the last column.
bool is_aligned(const TensorRef& x) {
  constexpr uintptr_t kPiece = 16;
  return x.cols() % kColumnUnit == 0 && reinterpret_cast<uintptr_t>(x.data) % kPiece == 0 &&
         static_cast<uintptr_t>(x.row_stride * value_bytes(x.dtype)) % kPiece == 0;
}

// Rows of a weight of `cols` columns that are unpacked at a time.
int64_t unpacked_rows(DType activations, int64_t cols) {
  const int64_t rows = kUnpackedBytes / std::max<int64_t>(1, cols * value_bytes(activations));
  return std::max(kRowUnit, rows / kRowUnit * kRowUnit);
}

// The workspace of one operation. Its segments are multiplied one after the other and share it.
struct Scratch {
  std::byte* x = nullptr;         // [tokens, padded cols], where is_aligned() does not hold
  std::byte* bias = nullptr;      // of one segment, in y's type
  std::byte* unpacked = nullptr;  // [unpacked_rows(), padded cols]
  std::byte* lt = nullptr;
};

// A weight that is not loaded yet, in a dry run, may tell another format than it will be kept in.
bool needs_unpacking(const Context& context, const Weight& weight) {
  return std::any_of(weight.segments.begin(), weight.segments.end(), [&](const WeightSegment& s) {
    return stored_format(s.format, context.activations) != context.activations;
  });
}

bool uses_lt(const Context& context, const LinearKernel& kernel, int64_t tokens) {
  return tokens > kernel.max_tokens && !context.deterministic;
}

const LinearKernel& kernel_of(const Context& context, const WeightSegment& segment) {
  return find_linear_kernel(context.sm, context.activations,
                            stored_format(segment.format, context.activations));
}

Scratch lay_out(const Context& context, const Linear& op, Workspace& workspace) {
  const int64_t cols = padded_cols(op.x.cols());
  const int64_t bytes = value_bytes(context.activations);
  Scratch scratch;
  if (!is_aligned(op.x)) scratch.x = workspace.take<std::byte>(op.x.rows() * cols * bytes);
  const Weight& weight = *op.weight;
  const bool lt = std::any_of(weight.segments.begin(), weight.segments.end(),
                              [&](const WeightSegment& segment) {
                                return uses_lt(context, kernel_of(context, segment), op.x.rows());
                              });
  if (!lt) return scratch;
  if (!op.bias.empty())
    scratch.bias = workspace.take<std::byte>(weight.rows * value_bytes(op.y.dtype));
  if (needs_unpacking(context, weight)) {
    const int64_t rows = std::min(weight.rows, unpacked_rows(context.activations, cols));
    scratch.unpacked = workspace.take<std::byte>(rows * cols * bytes);
  }
  scratch.lt = workspace.take<std::byte>(MatmulLt::kWorkspaceBytes);
  return scratch;
}

class Multiplication {
 public:
  Multiplication(Context& context, const Linear& op) : context_(context), op_(op) {
    Workspace workspace(context.workspace);
    scratch_ = lay_out(context, op, workspace);
  }

  void run() {
    LinearCall call{.x = op_.x.data,
                    .x_stride = op_.x.row_stride,
                    .tokens = op_.x.rows(),
                    .cols = padded_cols(op_.x.cols()),
                    .y_stride = op_.y.row_stride,
                    .y_is_f32 = op_.y.dtype == DType::kF32};
    if (!is_aligned(op_.x)) {
      launch_pad_rows(op_.x.dtype, call.x, call.x_stride, call.tokens, op_.x.cols(), scratch_.x,
                      call.cols, context_.stream);
      launched(call, "Linear, padding x");
      call.x = scratch_.x;
      call.x_stride = call.cols;
    }
    int64_t row = 0;
    for (const WeightSegment& segment : op_.weight->segments) {
      run_segment(segment, row, call);
      row += segment.rows;
    }
  }

 private:
  // The segment whose first row is row `row` of the weight. `call` has what all share.
  void run_segment(const WeightSegment& segment, int64_t row, LinearCall call) {
    const WeightLayout layout = weight_layout(segment, op_.weight->cols);
    call.values = static_cast<const std::byte*>(segment.buffers[0].data());
    call.stride = layout.stride;
    call.scales = reinterpret_cast<const float*>(call.values + layout.scales_offset());
    call.groups = layout.groups;
    call.rows = segment.rows;
    if (!op_.bias.empty()) call.bias = op_.bias.row<const float>(0) + row;
    call.y = static_cast<std::byte*>(op_.y.data) + row * value_bytes(op_.y.dtype);

    const LinearKernel& kernel = kernel_of(context_, segment);
    if (uses_lt(context_, kernel, call.tokens)) return run_lt(kernel, segment.format, call);
    launch(kernel, call);
  }

  void launch(const LinearKernel& kernel, const LinearCall& call) {
    kernel.launch(call, context_.stream);
    launched(call, kernel.name);
  }

  // By cuBLASLt; by `kernel` what the library cannot do.
  void run_lt(const LinearKernel& kernel, DType format, const LinearCall& call) {
    const std::byte* bias = nullptr;
    if (call.bias != nullptr) {
      launch_convert_floats(call.bias, call.rows, op_.y.dtype, scratch_.bias, context_.stream);
      launched(call, "Linear, converting its bias");
      bias = scratch_.bias;
    }
    const int64_t rows_at_once =
        format == context_.activations ? call.rows : unpacked_rows(context_.activations, call.cols);
    for (int64_t row = 0; row < call.rows; row += rows_at_once) {
      LinearCall part = call;
      part.rows = std::min(rows_at_once, call.rows - row);
      part.values += row * call.stride;
      part.scales += row * call.groups;
      if (call.bias != nullptr) part.bias += row;
      part.y = static_cast<std::byte*>(call.y) + row * value_bytes(op_.y.dtype);
      if (!run_lt_part(format, part,
                       bias == nullptr ? nullptr : bias + row * value_bytes(op_.y.dtype)))
        launch(kernel, part);
    }
  }

  // False where the library cannot do it.
  bool run_lt_part(DType format, const LinearCall& part, const void* bias) {
    const DType type = context_.activations;
    LtProduct product{.type = type,
                      .x = part.x,
                      .x_stride = part.x_stride,
                      .w = part.values,
                      .w_stride = part.stride / value_bytes(type),
                      .tokens = part.tokens,
                      .rows = part.rows,
                      .cols = part.cols,
                      .bias = bias,
                      .y_type = op_.y.dtype,
                      .y = part.y,
                      .y_stride = part.y_stride};
    if (format != type) {
      launch_unpack_weights(format, part, type, scratch_.unpacked, context_.stream);
      launched(part, "Linear, unpacking weights");
      product.w = scratch_.unpacked;
      product.w_stride = part.cols;
    }
    Result<bool> done = context_.lt->multiply(product, scratch_.lt, context_.stream);
    if (!done.ok()) {
      context_.fail(std::move(done).error());
      return true;
    }
    return *done;
  }

  void launched(const LinearCall& call, std::string_view what) {
    context_.launched(what, {call.tokens, call.rows, call.cols});
  }

  Context& context_;
  const Linear& op_;
  Scratch scratch_;
};

}  // namespace

void run(Context& context, const Linear& op) {
  CHECK(op.x.dtype == context.activations);
  if (op.x.rows() == 0) return;
  Multiplication(context, op).run();
}

int64_t workspace_bytes(const Context& context, const Linear& op) {
  Workspace workspace;
  lay_out(context, op, workspace);
  return workspace.bytes();
}

}  // namespace chitu::cuda
