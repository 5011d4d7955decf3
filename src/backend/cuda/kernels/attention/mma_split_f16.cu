#include "backend/cuda/kernels/attention/mma_split.cuh"

namespace chitu::cuda {

void launch_mma_split_f16(const AttentionArgs& args, cudaStream_t stream) {
  launch_mma_split<__half>(args, stream);
}

}  // namespace chitu::cuda
