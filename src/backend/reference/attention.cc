#include <algorithm>
#include <cmath>
#include <vector>

#include "backend/reference/kernels.h"
#include "tensor/format/bf16.h"
#include "tensor/format/decode.h"
#include "tensor/format/half.h"
#include "tensor/format/q8_0.h"

namespace chitu::reference {
namespace {

// The place of one token's head in a cache [blocks, kv_heads, block_size, head_dim].
int64_t cache_row(const TensorRef& cache, int64_t block, int64_t head, int64_t offset) {
  return (block * cache.shape[1] + head) * cache.shape[2] + offset;
}

void encode_row(const float* values, const TensorRef& cache, int64_t row) {
  auto* to = static_cast<std::byte*>(cache.data) + bytes_for(cache.dtype, row * cache.cols());
  for (int64_t i = 0; i < cache.cols(); ++i) {
    switch (cache.dtype) {
      case DType::kF16:
        reinterpret_cast<uint16_t*>(to)[i] = float_to_half(values[i]);
        break;
      case DType::kBF16:
        reinterpret_cast<uint16_t*>(to)[i] = float_to_bf16(values[i]);
        break;
      case DType::kQ8_0:
        if (i % BlockQ8_0::kElements == 0) {
          encode_block(values + i, reinterpret_cast<BlockQ8_0*>(to)[i / BlockQ8_0::kElements]);
        }
        break;
      default:
        reinterpret_cast<float*>(to)[i] = values[i];
    }
  }
}

// The rows of one sequence and head, oldest token first: [kv_len, head_dim].
std::vector<float> read_cache(const TensorRef& cache, const AttentionPlan& plan, int64_t sequence,
                              int64_t head) {
  const int64_t kv_len = plan.kv_lens.row<const int32_t>(0)[sequence];
  std::vector<float> rows(static_cast<std::size_t>(kv_len * cache.cols()));
  for (int64_t i = 0; i < kv_len; ++i) {
    const int64_t block = plan.block_table.row<const int32_t>(sequence)[i / plan.block_size];
    const int64_t row = cache_row(cache, block, head, i % plan.block_size);
    decode(cache.dtype,
           static_cast<std::byte*>(cache.data) + bytes_for(cache.dtype, row * cache.cols()),
           rows.data() + i * cache.cols(), cache.cols());
  }
  return rows;
}

// One query over the tokens [first, last] of its sequence.
void attend(const Attention& op, const float* q, const std::vector<float>& k,
            const std::vector<float>& v, int64_t first, int64_t last, float* out) {
  const int64_t d = op.kv.k.cols();
  std::vector<double> scores;
  for (int64_t i = first; i <= last; ++i) {
    double score = 0.0;
    for (int64_t j = 0; j < d; ++j) score += static_cast<double>(q[j]) * k[i * d + j];
    score *= op.scale;
    if (op.softcap > 0) score = op.softcap * std::tanh(score / op.softcap);
    scores.push_back(score);
  }
  const double largest = *std::max_element(scores.begin(), scores.end());
  double total = 0.0;
  for (double& score : scores) total += score = std::exp(score - largest);
  for (int64_t j = 0; j < d; ++j) {
    double sum = 0.0;
    for (int64_t i = first; i <= last; ++i) sum += scores[i - first] * v[i * d + j];
    out[j] = static_cast<float>(sum / total);
  }
}

}  // namespace

void run(const StoreKv& op) {
  const auto* slots = op.plan->slots.row<const int32_t>(0);
  const int64_t heads = op.kv.k.shape[1];
  const int64_t d = op.kv.k.cols();
  for (int64_t t = 0; t < op.k.rows(); ++t) {
    const int64_t block = slots[t] / op.plan->block_size;
    const int64_t offset = slots[t] % op.plan->block_size;
    for (int64_t head = 0; head < heads; ++head) {
      const int64_t row = cache_row(op.kv.k, block, head, offset);
      encode_row(op.k.row<float>(t) + head * d, op.kv.k, row);
      encode_row(op.v.row<float>(t) + head * d, op.kv.v, row);
    }
  }
}

void run(const Attention& op) {
  const AttentionPlan& plan = *op.plan;
  const auto* q_starts = plan.q_starts.row<const int32_t>(0);
  const auto* positions = plan.positions.row<const int32_t>(0);
  const int64_t d = op.kv.k.cols();
  const int64_t group = op.heads / op.kv.k.shape[1];
  for (int64_t s = 0; s < plan.num_sequences; ++s) {
    for (int64_t head = 0; head < op.heads; ++head) {
      const std::vector<float> k = read_cache(op.kv.k, plan, s, head / group);
      const std::vector<float> v = read_cache(op.kv.v, plan, s, head / group);
      for (int64_t t = q_starts[s]; t < q_starts[s + 1]; ++t) {
        const int64_t last = positions[t];
        const int64_t first = op.window > 0 ? std::max<int64_t>(0, last - op.window + 1) : 0;
        attend(op, op.q.row<float>(t) + head * d, k, v, first, last,
               op.out.row<float>(t) + head * d);
      }
    }
  }
}

}  // namespace chitu::reference
