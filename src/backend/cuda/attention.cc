// Attention: which kernels run, and the memory for the parts that they leave each other.
//
// Everything that depends on lengths is decided on the device (kernels/attention/work.cuh); what is
// decided here follows from shapes alone. What a token comes to depends on the kernel, which
// follows from dtypes and head_dim, and on nothing else in its step.
#include <algorithm>
#include <numbers>

#include "backend/cuda/attention_table.h"
#include "backend/cuda/operations.h"
#include "base/round_up.h"

namespace chitu::cuda {
namespace {

AttentionArgs make_args(const Attention& op) {
  const AttentionPlan& plan = *op.plan;
  const TensorRef& k = op.kv.k;
  constexpr float kLog2E = std::numbers::log2e_v<float>;
  const bool capped = op.softcap > 0.0F;
  AttentionArgs args;
  args.q = op.q.data;
  args.q_stride = op.q.row_stride;
  args.q_dtype = op.q.dtype;
  args.out = op.out.data;
  args.out_stride = op.out.row_stride;
  args.out_dtype = op.out.dtype;
  args.k = k.data;
  args.v = op.kv.v.data;
  args.k_dtype = k.dtype;
  args.v_dtype = op.kv.v.dtype;
  args.cache_rows = k.rows();
  args.q_starts = plan.q_starts.row<const int32_t>(0);
  args.kv_lens = plan.kv_lens.row<const int32_t>(0);
  args.block_table = plan.block_table.row<const int32_t>(0);
  args.table_stride = plan.block_table.row_stride;
  args.block_size = static_cast<int>(plan.block_size);
  args.tokens = static_cast<int>(plan.num_tokens);
  args.sequences = static_cast<int>(plan.num_sequences);
  args.kv_heads = static_cast<int>(k.shape[1]);
  args.group = static_cast<int>(op.heads / k.shape[1]);
  args.head_dim = static_cast<int>(k.cols());
  args.window = static_cast<int>(std::min<int64_t>(op.window, INT32_MAX));
  args.scale = capped ? op.scale / op.softcap : op.scale * kLog2E;
  args.cap = capped ? op.softcap * kLog2E : 0.0F;
  args.part_rows = std::min(kTileRows, args.group);
  return args;
}

// A query of few keys is one unit and leaves no part.
bool leaves_parts(const Attention& op) { return op.plan->max_kv_len > kChunkKeys; }

// Slots for as many units as there may be: of spans, or of chunks where those are few.
int64_t most_units(const AttentionArgs& args, int64_t max_kv_len, int split_blocks) {
  const int64_t tiles = int64_t{args.sequences} * args.kv_heads * div_up(args.group, kTileRows);
  const int64_t chunks = tiles * div_up(max_kv_len, kChunkKeys);
  return std::max(tiles * div_up(max_kv_len, kSpanKeys),
                  std::min<int64_t>(chunks, most_chunk_units(split_blocks)));
}

}  // namespace

void run(Context& context, const Attention& op) {
  AttentionArgs args = make_args(op);
  if (args.tokens == 0) return;
  const std::initializer_list<int64_t> sizes = {args.tokens, op.heads, args.head_dim,
                                                op.plan->max_kv_len};
  const AttentionKernel* kernel = find_attention_kernel(args, context.sm);
  if (kernel == nullptr) {
    return context.fail(
        make_error(ErrorCode::kUnsupported,
                   "attention with head_dim {} and a cache in {} has no kernel for this GPU; "
                   "infer.cache_dtype=bfloat16 may have one",
                   args.head_dim, name(args.k_dtype)));
  }
  kernel->share(args, context.multiprocessors);
  args.parts = reinterpret_cast<float*>(context.workspace);
  const int64_t max_q_len = op.plan->max_q_len;
  if (max_q_len > 1) {
    kernel->prefill(args, context.stream);
    context.launched("Attention of prompts", sizes);
  }
  if (args.sequences == 1 && max_q_len > 1) return;
  kernel->split(args, context.stream);
  context.launched("Attention", sizes);
  if (!leaves_parts(op)) return;
  launch_combine(args, context.stream);
  context.launched("Attention of parts", sizes);
}

// As much as the kernel that asks for the most blocks needs: which one runs may depend on
// alignments, which are not known when memory is planned.
int64_t workspace_bytes(const Context& context, const Attention& op) {
  const AttentionArgs args = make_args(op);
  if (!leaves_parts(op)) return 0;
  const int64_t units =
      most_units(args, op.plan->max_kv_len, most_split_blocks(context.multiprocessors));
  return units * part_floats(args.part_rows, args.head_dim) * int64_t{sizeof(float)};
}

}  // namespace chitu::cuda
