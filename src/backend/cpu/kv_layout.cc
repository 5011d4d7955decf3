#include "backend/cpu/kv_layout.h"

#include <algorithm>
#include <cstring>

#include "tensor/format/q8_0.h"

namespace chitu::cpu {
namespace {

// Dimensions that are encoded at a time: a block of Q8_0.
constexpr int64_t kPiece = BlockQ8_0::kElements;

int64_t row_index(const TensorRef& cache, int64_t block, int64_t head, int64_t offset) {
  return (block * cache.shape[1] + head) * cache.shape[2] + offset;
}

std::byte* at_row(const TensorRef& cache, int64_t row) {
  return static_cast<std::byte*>(cache.data) + bytes_for(cache.dtype, row * cache.cols());
}

template <class T>
void copy_lane(const std::byte* from, int from_stride, std::byte* to, int to_stride, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    std::memcpy(to + i * to_stride * int64_t{sizeof(T)},
                from + i * from_stride * int64_t{sizeof(T)}, sizeof(T));
  }
}

// Dimensions [begin, begin + n) of a key, where begin is a multiple of kPiece and n at most kPiece.
void copy_piece(DType dtype, int64_t begin, int64_t n, const KeyLane& from, const KeyLane& to) {
  const std::byte* source = from.panel + bytes_for(dtype, begin * from.keys);
  std::byte* target = to.panel + bytes_for(dtype, begin * to.keys);
  switch (dtype) {
    case DType::kF16:
    case DType::kBF16:
      return copy_lane<uint16_t>(source + from.lane * 2, from.keys, target + to.lane * 2, to.keys,
                                 n);
    case DType::kQ8_0:
      copy_lane<uint16_t>(source + from.lane * 2, from.keys, target + to.lane * 2, to.keys, 1);
      return copy_lane<uint8_t>(source + from.keys * 2 + from.lane, from.keys,
                                target + to.keys * 2 + to.lane, to.keys, n);
    default:
      return copy_lane<uint32_t>(source + from.lane * 4, from.keys, target + to.lane * 4, to.keys,
                                 n);
  }
}

void encode(const RowKernels& rows, const float* values, DType dtype, void* to, int64_t n) {
  switch (dtype) {
    case DType::kF16:
      return rows.to_half(values, static_cast<uint16_t*>(to), n);
    case DType::kBF16:
      return rows.to_bf16(values, static_cast<uint16_t*>(to), n);
    case DType::kQ8_0:
      return rows.to_q8_0(values, static_cast<BlockQ8_0*>(to), n);
    default:
      std::memcpy(to, values, static_cast<std::size_t>(n) * sizeof(float));
  }
}

// `values` are [head_dim].
void store_key(const RowKernels& rows, const float* values, const TensorRef& k,
               const KeyLane& lane) {
  // A panel of one key is a plain row.
  alignas(64) std::byte memory[kPiece * sizeof(float)];
  for (int64_t begin = 0; begin < k.cols(); begin += kPiece) {
    const int64_t n = std::min(kPiece, k.cols() - begin);
    encode(rows, values + begin, k.dtype, memory, n);
    KeyLane to = lane;
    to.panel += bytes_for(k.dtype, begin * lane.keys);
    copy_piece(k.dtype, 0, n, {.panel = memory, .keys = 1}, to);
  }
}

void store_value(const RowKernels& rows, const float* values, const TensorRef& v, std::byte* row) {
  encode(rows, values, v.dtype, row, v.cols());
}

}  // namespace

KeyLane key_lane(const TensorRef& k, int64_t block, int64_t head, int64_t offset) {
  const int64_t first = offset / kPanelKeys * kPanelKeys;
  return {.panel = at_row(k, row_index(k, block, head, first)),
          .keys = static_cast<int>(std::min<int64_t>(kPanelKeys, k.shape[2] - first)),
          .lane = static_cast<int>(offset - first)};
}

std::byte* value_row(const TensorRef& v, int64_t block, int64_t head, int64_t offset) {
  return at_row(v, row_index(v, block, head, offset));
}

void store_token(const RowKernels& rows, const float* k, const float* v, const KvLayer& kv,
                 const AttentionPlan& plan, int64_t token) {
  const int32_t slot = plan.slots.row<const int32_t>(0)[token];
  const int64_t block = slot / plan.block_size;
  const int64_t offset = slot % plan.block_size;
  const int64_t d = kv.k.cols();
  for (int64_t head = 0; head < kv.k.shape[1]; ++head) {
    store_key(rows, k + head * d, kv.k, key_lane(kv.k, block, head, offset));
    store_value(rows, v + head * d, kv.v, value_row(kv.v, block, head, offset));
  }
}

void copy_key(DType dtype, int64_t head_dim, const KeyLane& from, const KeyLane& to) {
  for (int64_t begin = 0; begin < head_dim; begin += kPiece)
    copy_piece(dtype, begin, std::min(kPiece, head_dim - begin), from, to);
}

}  // namespace chitu::cpu
