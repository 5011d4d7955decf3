#include "backend/cuda/attention_table.h"

#include <array>
#include <cstdint>

namespace chitu::cuda {
namespace {

bool is_aligned(const void* data, std::uintptr_t bytes) {
  return reinterpret_cast<std::uintptr_t>(data) % bytes == 0;
}

// Rows of the cache are counted in int.
bool is_addressable(const AttentionArgs& args) { return args.cache_rows <= INT32_MAX; }

bool supports_mma(const AttentionArgs& args, DType dtype) {
  const bool same = args.q_dtype == dtype && args.out_dtype == dtype && args.k_dtype == dtype &&
                    args.v_dtype == dtype;
  // Queries are read two at a time, keys and values eight.
  return same && is_addressable(args) && args.head_dim <= kMmaMostDim && args.head_dim % 8 == 0 &&
         args.q_stride % 2 == 0 && is_aligned(args.q, 4) && is_aligned(args.k, 16) &&
         is_aligned(args.v, 16);
}

bool supports_mma_f16(const AttentionArgs& args) { return supports_mma(args, DType::kF16); }
bool supports_mma_bf16(const AttentionArgs& args) { return supports_mma(args, DType::kBF16); }

bool is_float(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

bool supports_plain(const AttentionArgs& args) {
  const auto is_cache = [](DType dtype) { return is_float(dtype) || dtype == DType::kQ8_0; };
  return is_float(args.q_dtype) && is_float(args.out_dtype) && is_cache(args.k_dtype) &&
         is_cache(args.v_dtype) && is_addressable(args) && args.head_dim <= kPlainMostDim;
}

// In the order of preference.
constexpr std::array kKernels = {
    AttentionKernel{.name = "mma_f16",
                    .min_sm = 80,
                    .supports = supports_mma_f16,
                    .share = share_mma_split,
                    .prefill = launch_mma_prefill_f16,
                    .split = launch_mma_split_f16},
    AttentionKernel{.name = "mma_bf16",
                    .min_sm = 80,
                    .supports = supports_mma_bf16,
                    .share = share_mma_split,
                    .prefill = launch_mma_prefill_bf16,
                    .split = launch_mma_split_bf16},
    AttentionKernel{.name = "plain",
                    .min_sm = 0,
                    .supports = supports_plain,
                    .share = share_plain_split,
                    .prefill = launch_plain_prefill,
                    .split = launch_plain_split},
};

}  // namespace

const AttentionKernel* find_attention_kernel(const AttentionArgs& args, int sm) {
  for (const AttentionKernel& kernel : kKernels) {
    if (sm >= kernel.min_sm && kernel.supports(args)) return &kernel;
  }
  return nullptr;
}

}  // namespace chitu::cuda
