#include "backend/cuda/kernels/attention/mma_prefill.cuh"

namespace chitu::cuda {

void launch_mma_prefill_bf16(const AttentionArgs& args, cudaStream_t stream) {
  launch_mma_prefill<__nv_bfloat16>(args, stream);
}

}  // namespace chitu::cuda
