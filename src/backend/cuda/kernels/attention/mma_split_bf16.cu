#include "backend/cuda/kernels/attention/mma_split.cuh"

namespace chitu::cuda {

void launch_mma_split_bf16(const AttentionArgs& args, cudaStream_t stream) {
  launch_mma_split<__nv_bfloat16>(args, stream);
}

// The same for both types.
void share_mma_split(AttentionArgs& args, int multiprocessors) {
  const int limit = shared_memory_limit();
  const int dim = padded_dim(args.head_dim);
  args.split_blocks = multiprocessors;
  args.split_warps = dim == 64    ? MmaSplitShape<64>::warps(args.sequences, limit)
                     : dim == 128 ? MmaSplitShape<128>::warps(args.sequences, limit)
                                  : MmaSplitShape<256>::warps(args.sequences, limit);
}

}  // namespace chitu::cuda
