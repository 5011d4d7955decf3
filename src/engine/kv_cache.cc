#include "engine/kv_cache.h"

#include "ops/arena.h"

namespace chitu {
namespace {

KvLayer make_layer(const KvCacheShape& shape, void* k, void* v) {
  const Shape dims{shape.num_blocks, shape.spec.kv_heads, shape.block_size, shape.spec.head_dim};
  return {.k = TensorRef::contiguous(k, shape.dtype, dims),
          .v = TensorRef::contiguous(v, shape.dtype, dims)};
}

}  // namespace

Result<KvCache> KvCache::allocate(const KvCacheShape& shape, Ops& ops) {
  KvCache cache;
  const int64_t half = shape.spec.num_layers == 0 ? 0 : shape.bytes() / shape.spec.num_layers / 2;
  for (int64_t layer = 0; layer < shape.spec.num_layers; ++layer) {
    TRY(k, ops.allocate(static_cast<std::size_t>(half)));
    TRY(v, ops.allocate(static_cast<std::size_t>(half)));
    cache.layers_.push_back(make_layer(shape, k.data(), v.data()));
    cache.buffers_.push_back(std::move(k));
    cache.buffers_.push_back(std::move(v));
  }
  return cache;
}

std::vector<KvLayer> KvCache::unallocated(const KvCacheShape& shape) {
  void* const nowhere = reinterpret_cast<void*>(Arena::kAlignment);
  return std::vector<KvLayer>(static_cast<std::size_t>(shape.spec.num_layers),
                              make_layer(shape, nowhere, nowhere));
}

}  // namespace chitu
