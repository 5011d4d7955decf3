#include "backend/cuda/kernels/attention/mma_prefill.cuh"

namespace chitu::cuda {

void launch_mma_prefill_f16(const AttentionArgs& args, cudaStream_t stream) {
  launch_mma_prefill<__half>(args, stream);
}

}  // namespace chitu::cuda
